import { type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { AlarmDefinition } from './constructs/alarms.ts';
import { period } from './constructs/alarms.ts';
import type { LaterDelivery } from './constructs/later-delivery.ts';
import type { MessagingApi } from './constructs/messaging-api.ts';
import type { FunctionName } from './function-needs.ts';
import { accountMetric, counter, crashesOf, stageMetric, sum } from './metrics.ts';
import { authorizerFunction } from './routes.ts';

export interface Watched {
  readonly functions: Readonly<Record<FunctionName, LambdaFunction>>;
  readonly tables: Readonly<Record<string, TableV2>>;
  /** Those that every message writes to. */
  readonly busyTables: Readonly<Record<string, TableV2>>;
  readonly laterDelivery: LaterDelivery;
  readonly api: MessagingApi;
  /** The stage's throttle. */
  readonly requestsPerSecond: number;
  /** The deployment's name, the dimension of the functions' own counters. */
  readonly service: string;
}

/** Every alarm of a deployment, the gravest first. */
export function alarmList(watched: Watched): AlarmDefinition[] {
  return [
    ...queueAlarms(watched.laterDelivery),
    ...counterAlarms(watched.service),
    ...errorAlarms(watched),
    ...serviceAlarms(watched),
  ];
}

function queueAlarms({ queue, deadLetters }: LaterDelivery): AlarmDefinition[] {
  return [
    {
      severity: 'critical',
      name: 'DeadLetters',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
      threshold: 1,
      description:
        'A later delivery failed five times. Its message is safe in the mailbox, but nobody was notified. Read the errors of `deliver`, then redrive: docs/deploy.md.',
    },
    {
      severity: 'warning',
      name: 'DeliveryQueueAgeSeconds',
      metric: queue.metricApproximateAgeOfOldestMessage({ period, statistic: Stats.MAXIMUM }),
      // A reference whose push goes on failing comes five times, which is over after twelve minutes, and is no backlog.
      threshold: 900,
      periods: 3,
      description:
        'Later deliveries wait for more than a quarter of an hour. Look at the errors and throttles of `deliver`.',
    },
  ];
}

function counterAlarms(service: string): AlarmDefinition[] {
  const at = (
    severity: AlarmDefinition['severity'],
    name: string,
    threshold: number,
    description: string,
  ) => ({
    severity,
    name,
    metric: counter(service, name),
    threshold,
    description,
  });
  return [
    at(
      'critical',
      'Defect',
      5,
      'The functions fail on requests by a defect of their own; clients get `internal`. Search the logs for "defect".',
    ),
    at(
      'critical',
      'DependencyFailed',
      20,
      'DynamoDB, KMS or another service fails; clients get `unavailable` and repeat what they sent. Search the logs for "dependency failed" and look at the health page of AWS.',
    ),
    at(
      'critical',
      'AuthorizeFailed',
      5,
      'Handshakes fail although nothing is known against their tokens: the keys of the issuer cannot be had, or by a defect. Search the log of `authorize` for "authorization failed", and look whether the issuer answers.',
    ),
    at(
      'critical',
      'DataKeyRefused',
      1,
      'KMS refuses the content key: messages are neither sent nor read. Is the key disabled or about to be deleted, or has its policy changed?',
    ),
    at(
      'critical',
      'UnreadableMessage',
      1,
      'A stored message does not open: damaged, moved, or its data key is gone. The log line names its conversation and seq.',
    ),
    at(
      'critical',
      'MessagesSkipped',
      1,
      'Readers went past a hole in a conversation. The log line names it. Expected only after rows were deleted on purpose.',
    ),
    at(
      'critical',
      'RateLimiterFailedClosed',
      10,
      'Sends are refused because the rate limits cannot be read. Look at the RateLimits table.',
    ),
    at(
      'warning',
      'DataKeyKeptWhileUnreachable',
      1,
      'KMS is out of reach. Messages still flow with the keys in memory, for four hours at most.',
    ),
    at(
      'warning',
      'DataKeyRotationPutOff',
      3,
      'A new data key could not be made; the old one serves on. Look at KMS and the DataKeys table.',
    ),
    at(
      'warning',
      'RateLimiterFailedOpen',
      10,
      'Requests pass unlimited because the rate limits cannot be read. Look at the RateLimits table.',
    ),
    // One is enough: each is a message that nobody looks at again, so that its recipient is not notified, and there is
    // nothing to redrive. A queue that takes none at all is a few a minute where few write.
    at(
      'warning',
      'WitnessFailed',
      1,
      'References do not reach the queue: those messages are safe in the mailbox, but whoever missed the push is not notified, and gets them only on coming back. Search the log of `send` for "no witness in the queue", and look at SQS.',
    ),
    at(
      'warning',
      'CacheCircuitOpened',
      10,
      'The cache fails or is slow and is left out for a while. Messages flow, reads cost more. Look at the cache.',
    ),
  ];
}

function errorAlarms({ functions, service }: Watched): AlarmDefinition[] {
  const { [authorizerFunction]: authorizer, ...others } = functions;
  const at = (name: string, metric: IMetric, periods: number): AlarmDefinition => ({
    severity: 'critical',
    name: `${name}Errors`,
    metric,
    threshold: 5,
    periods,
    description: `\`${name}\` crashes or runs into its time limit. Its log has the error; the dashboard shows what else moved.`,
  });
  return [
    // A period more than the others: the two counts of one call may fall into different minutes.
    at(authorizerFunction, crashesOf(authorizer, service), 3),
    ...Object.entries(others).map(([name, lambda]) => at(name, lambda.metricErrors({ period }), 2)),
  ];
}

/**
 * API Gateway has no metric of what a stage's throttle refuses: `ClientError` has each 401 as well, and many 429s may be in
 * none (https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-monitor.html). So this counts what
 * the throttle let through: a sample of `IntegrationLatency` for each frame and each connection, none for what is posted.
 */
function throttleAlarm({ api, requestsPerSecond }: Watched): AlarmDefinition {
  return {
    severity: 'critical',
    name: 'RequestsNearThrottle',
    metric: stageMetric(api, 'IntegrationLatency', Stats.SAMPLE_COUNT),
    threshold: nearThrottle * requestsPerSecond * period.toSeconds(),
    periods: 2,
    description:
      'Frames and connections come as fast as `requestsPerSecond` allows or nearly so; beyond it API Gateway refuses everybody’s. Find out in the access log whether a few connections send most of them (docs/deploy.md); if not, raise the setting.',
  };
}

/** The share of the throttle above which a minute probably had seconds in which it refused. */
const nearThrottle = 0.9;

function serviceAlarms(watched: Watched): AlarmDefinition[] {
  return [
    throttleAlarm(watched),
    {
      severity: 'critical',
      name: 'FunctionThrottles',
      metric: accountMetric('Throttles', Stats.SUM),
      threshold: 5,
      periods: 2,
      description:
        'Lambda refuses calls somewhere in this account and region, all of whose functions share one concurrency: look for what uses it up, or ask for a higher quota.',
    },
    throttlesOf(watched, 'Write'),
    throttlesOf(watched, 'Read'),
  ];
}

/** Of all tables. Two alarms, because one takes ten metrics at most. */
function throttlesOf({ tables }: Watched, kind: 'Write' | 'Read'): AlarmDefinition {
  return {
    severity: 'warning',
    name: `Table${kind}Throttles`,
    metric: sum(
      Object.entries(tables).map(([name, table]) => [
        name,
        table.metric(`${kind}ThrottleEvents`, { period, statistic: Stats.SUM }),
      ]),
    ),
    threshold: 10,
    periods: 3,
    description: `DynamoDB throttles ${kind.toLowerCase()}s: a hot conversation or user, or more than twice a table's former peak. They are retried; watch \`unavailable\`. The dashboard shows which table it is; the setting warm${kind}sPerSecond makes room beforehand.`,
  };
}
