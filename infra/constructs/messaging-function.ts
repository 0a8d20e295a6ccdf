import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { rolePath } from '../deployed/names.ts';
import type { Settings } from '../settings.ts';
import type { CacheNetwork } from './cache-network.ts';

export interface MessagingFunctionProps {
  readonly description: string;
  /** The directory with `index.mjs`, as `bundleFunctions` makes it. */
  readonly bundle: string;
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
  /** How many of it run at a time, no more and never fewer for others' sake. */
  readonly reserved: number | undefined;
  readonly settings: Settings;
  /** Only with a cache inside a VPC. */
  readonly network?: CacheNetwork;
}

/** One Lambda function from one entry of `functions/`, with its own role, which begins with nothing but its own log. */
export class MessagingFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: MessagingFunctionProps) {
    super(scope, id);
    const { settings, network } = props;
    const logGroup = new LogGroup(this, 'Log', {
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      path: rolePath(settings.name),
    });
    logGroup.grantWrite(this.role);
    network?.grantInterfaces(this.role);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.bundle),
      handler: 'index.handler',
      memorySize: props.memoryMegabytes,
      timeout: Duration.seconds(props.timeoutSeconds),
      ...(props.reserved !== undefined && { reservedConcurrentExecutions: props.reserved }),
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Never above INFO: Lambda takes our metrics, which are lines without a level, for INFO. The logger does the rest.
      applicationLogLevelV2:
        settings.logLevel === 'DEBUG' ? ApplicationLogLevel.DEBUG : ApplicationLogLevel.INFO,
      // START, END and REPORT lines of each call would cost more than all that the functions log themselves.
      systemLogLevelV2: SystemLogLevel.WARN,
      tracing: settings.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
      ...(network && {
        vpc: network.vpc,
        securityGroups: [network.securityGroup],
        ipv6AllowedForDualStack: true,
      }),
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        // The one dimension of our counters, so that two deployments in one account count apart.
        POWERTOOLS_SERVICE_NAME: settings.name,
        POWERTOOLS_LOG_LEVEL: settings.logLevel,
        // In every function, so that another life of the data means new environments, and memory ends with the old ones.
        EPOCH: settings.epoch,
      },
    });
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'X-Ray has no resources to name, and neither have the network interfaces of a function in a VPC.',
    });
  }
}
