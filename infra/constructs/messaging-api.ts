import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogField, AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnApi,
  type CfnStage,
  type DomainName,
  IpAddressType,
  LogGroupLogDestination,
  WebSocketApi,
  type WebSocketRoute,
  WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { WebSocketLambdaAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../function-needs.ts';
import type { Route } from '../routes.ts';
import type { Settings } from '../settings.ts';
import { ApiGatewayLogRole } from './api-gateway-log-role.ts';
import { CustomDomain } from './custom-domain.ts';

export interface MessagingApiProps {
  readonly settings: Settings;
}

export interface RouteTargets {
  readonly routes: readonly Route[];
  readonly authorizer: IFunction;
  functionOf(name: FunctionName): IFunction;
}

/** Who did what and how it went. Headers are left out because the token travels in one, bodies because content does. */
const accessLogFields = {
  requestId: AccessLogField.contextRequestId(),
  time: AccessLogField.contextRequestTime(),
  eventType: AccessLogField.contextEventType(),
  route: AccessLogField.contextRouteKey(),
  status: AccessLogField.contextStatus(),
  connectionId: AccessLogField.contextConnectionId(),
  // As the functions' own lines name the user; empty for a handshake that was refused.
  userId: AccessLogField.contextAuthorizer('userId'),
  address: AccessLogField.contextIdentitySourceIp(),
  authorizerStatus: AccessLogField.contextAuthorizerStatus(),
  integrationStatus: AccessLogField.contextIntegrationStatus(),
  integrationLatencyMs: AccessLogField.contextIntegrationLatency(),
  error: AccessLogField.contextErrorMessage(),
};

/**
 * The WebSocket API and its one stage. There are no request models: API Gateway would answer a frame that does not
 * fit with a text of its own, and the contract promises an `error` frame that names the field.
 */
export class MessagingApi extends Construct {
  readonly api: WebSocketApi;
  readonly stage: WebSocketStage;
  /** What clients connect to. */
  readonly url: string;
  /** Where the DNS record of the custom domain must point. */
  readonly domainTarget?: string;

  constructor(scope: Construct, id: string, props: MessagingApiProps) {
    super(scope, id);
    const { settings } = props;
    const domain = this.addDomain(settings);
    this.api = new WebSocketApi(this, 'Api', {
      description: 'Postrider',
      ipAddressType: IpAddressType.DUAL_STACK,
    });
    this.stage = this.addStage(settings, domain?.domain);
    this.url = domain === undefined ? this.stage.url : `wss://${settings.domainName}`;
    if (domain !== undefined) this.domainTarget = domain.target;
    if (settings.apiGatewayLogRole === 'create') {
      this.stage.node.addDependency(new ApiGatewayLogRole(this, 'LogRole'));
    }
  }

  addRoutes(targets: RouteTargets): void {
    // A browser cannot send the Authorization header, so no header can be demanded before the function looks.
    const authorizer = new WebSocketLambdaAuthorizer('Authorizer', targets.authorizer, {
      identitySource: [],
    });
    let previous: WebSocketRoute | undefined;
    for (const route of targets.routes) {
      const name = route.key.replace('$', '');
      const added: WebSocketRoute = this.api.addRoute(route.key, {
        integration: new WebSocketLambdaIntegration(
          `${name}-integration`,
          targets.functionOf(route.function),
        ),
        ...(route.key === '$connect' && { authorizer }),
        returnResponse: route.routeResponse,
      });
      // Each route that is made or changed redeploys the stage by itself, and two at once are refused as a conflict.
      if (previous !== undefined) added.node.addDependency(previous);
      previous = added;
      if (route.key === '$connect') continue;
      Validations.of(added).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason:
          'A WebSocket API authorizes at $connect alone; every later frame belongs to an authorized connection.',
      });
    }
    // Nobody can connect before everything is there.
    if (previous !== undefined) this.stage.node.addDependency(previous);
  }

  /** Allows `POST` (push a frame) or `DELETE` (close) on the live connections of this stage. */
  grantConnections(role: Role, methods: readonly ('POST' | 'DELETE')[]): void {
    const stack = Stack.of(this);
    const { stageName } = this.stage;
    for (const method of methods) {
      const resourceName = `${stageName}/${method}/@connections/*`;
      const resource = stack.formatArn({ service: 'execute-api', resource: this.api.apiId, resourceName });
      role.addToPolicy(
        new PolicyStatement({ actions: ['execute-api:ManageConnections'], resources: [resource] }),
      );
      const api = stack.getLogicalId(this.api.node.defaultChild as CfnApi);
      const finding = `arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<${api}>/${resourceName}`;
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::${finding}]`,
        reason:
          'A connection gets its id when it opens, so no policy can name it; the wildcard covers those of this stage.',
      });
    }
  }

  private addDomain({ domainName, certificateArn }: Settings): CustomDomain | undefined {
    if (domainName === undefined || certificateArn === undefined) return undefined;
    return new CustomDomain(this, 'CustomDomain', { domainName, certificateArn });
  }

  private addStage(settings: Settings, domainName: DomainName | undefined): WebSocketStage {
    const stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: 'v1',
      autoDeploy: true,
      throttle: { rateLimit: settings.requestsPerSecond, burstLimit: settings.requestBurst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'AccessLog', {
            retention: settings.logRetentionDays,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      },
      ...(domainName && { domainMapping: { domainName } }),
    });
    // Execution logs would hold whole frames. They are off by default, and it must stay visible that they are.
    const cfnStage = stage.node.defaultChild as CfnStage;
    cfnStage.addPropertyOverride('DefaultRouteSettings.DataTraceEnabled', false);
    cfnStage.addPropertyOverride('DefaultRouteSettings.LoggingLevel', 'OFF');
    return stage;
  }
}
