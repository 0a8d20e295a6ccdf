import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { pollerConcurrency } from '../concurrency.ts';
import type { Alarms } from '../constructs/alarms.ts';
import { CacheNetwork } from '../constructs/cache-network.ts';
import { LaterDelivery } from '../constructs/later-delivery.ts';
import { MessageCache } from '../constructs/message-cache.ts';
import { MessagingApi } from '../constructs/messaging-api.ts';
import { MessagingFunctions, type MessagingFunctionsProps } from '../constructs/messaging-functions.ts';
import { Operations, type OperationsProps } from '../constructs/operations.ts';
import { recordOf, recordOutput } from '../deployed/record.ts';
import { functionNeeds } from '../function-needs.ts';
import type { SignIn } from '../grant-needs.ts';
import { authorizerFunction, queueFunction, routes } from '../routes.ts';
import type { Settings } from '../settings.ts';
import type { DataStack } from './data-stack.ts';

export interface MessagingStackProps extends StackProps {
  readonly settings: Settings;
  readonly data: DataStack;
  readonly bundles: MessagingFunctionsProps['bundles'];
}

/** All that a deployment replaces: it holds nothing that could not be made again. */
export class MessagingStack extends Stack {
  readonly api: MessagingApi;
  private readonly settings: Settings;
  private readonly data: DataStack;

  constructor(scope: Construct, id: string, props: MessagingStackProps) {
    super(scope, id, props);
    this.settings = props.settings;
    this.data = props.data;

    this.api = new MessagingApi(this, 'Messaging', { settings: props.settings });
    const laterDelivery = new LaterDelivery(this, 'LaterDelivery', {
      consumerTimeoutSeconds: functionNeeds[queueFunction].timeoutSeconds,
      maxConcurrency: pollerConcurrency(props.settings.concurrency),
    });
    const notifications = new EventBus(this, 'Notifications', {
      eventBusName: `${props.settings.name.toLowerCase()}-notifications`,
      description: 'An event for each message that its recipient was not connected to receive',
    });
    const caching = this.addCache();
    const { byName: functions } = new MessagingFunctions(this, 'Functions', {
      settings: props.settings,
      bundles: props.bundles,
      parts: {
        tables: props.data.tables.byId,
        contentKey: props.data.contentKey.key,
        signIn: this.signIn(),
        api: this.api,
        queue: laterDelivery.queue,
        notifications,
        settings: props.settings,
        ...caching,
      },
    });
    this.api.addRoutes({
      routes,
      authorizer: functions[authorizerFunction],
      functionOf: (name) => functions[name],
    });
    laterDelivery.deliverTo(functions[queueFunction]);
    const { alarms } = this.addOperations({ functions, laterDelivery, ...caching });
    this.addOutputs(notifications, laterDelivery, alarms);
  }

  private addCache(): { cache?: MessageCache; network?: CacheNetwork } {
    const { cache, cacheMaxGigabytes: maxGigabytes, name } = this.settings;
    if (cache === 'none') return {};
    const props = { deployment: name, maxGigabytes };
    if (cache === 'public') return { cache: new MessageCache(this, 'Cache', props) };
    const network = new CacheNetwork(this, 'CacheNetwork');
    return { cache: new MessageCache(this, 'Cache', { ...props, network }), network };
  }

  private signIn(): SignIn {
    const { users } = this.data;
    const issuer = users?.issuer ?? this.settings.issuer;
    const audience = users?.client.userPoolClientId ?? this.settings.audience?.join(',');
    if (issuer === undefined || audience === undefined) throw new Error('No issuer and no user directory.');
    const { jwksUri = `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`, tokenScope } = this.settings;
    return { issuer, audience, jwksUri, ...(tokenScope !== undefined && { scope: tokenScope }) };
  }

  private addOperations(parts: Pick<OperationsProps, 'functions' | 'laterDelivery' | 'cache'>): Operations {
    const { conversations, messages, mailboxes } = this.data.tables.byId;
    return new Operations(this, 'Operations', {
      ...parts,
      api: this.api,
      settings: this.settings,
      tables: this.data.tables.byId,
      busyTables: { conversations, messages, mailboxes },
      contentKey: this.data.contentKey.key,
    });
  }

  private addOutputs(notifications: EventBus, laterDelivery: LaterDelivery, alarms: Alarms): void {
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description });
    output('WebSocketUrl', this.api.url, 'What clients connect to');
    output(
      'NotificationBus',
      notifications.eventBusName,
      'Attach the rules of your push service to this event bus',
    );
    output('CriticalAlarms', alarms.topics.critical.topicArn, 'Subscribe a pager to this topic');
    output('WarningAlarms', alarms.topics.warning.topicArn, 'Subscribe a channel to this topic');
    output(
      'DeadLetters',
      laterDelivery.deadLetters.queueArn,
      'Redrive later deliveries that failed from here',
    );
    if (this.api.domainTarget !== undefined) {
      output(
        'DomainTarget',
        this.api.domainTarget,
        'Point the DNS record (CNAME or alias) of your domain name here',
      );
    }
    const { users } = this.data;
    if (users !== undefined) {
      output('UserPoolId', users.pool.userPoolId, 'Where users are made');
      output(
        'UserPoolClientId',
        users.client.userPoolClientId,
        'The client for which tokens are issued, and their audience',
      );
    }
    output(recordOutput, recordOf(this.settings), 'With which settings this was deployed');
    output(
      'NextStep',
      `Get a token (docs/deploy.md, "Connect"), then: npx wscat -c ${this.api.url} -H "Authorization: Bearer $TOKEN"`,
      'What to do now',
    );
  }
}
