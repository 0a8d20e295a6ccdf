import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Watched } from '../alarm-list.ts';
import { accountMetric, counter, stageMetric } from '../metrics.ts';
import { authorizerFunction } from '../routes.ts';
import { period } from './alarms.ts';
import type { MessageCache } from './message-cache.ts';

export interface OperationsDashboardProps extends Watched {
  readonly name: string;
  readonly alarms: readonly IAlarm[];
  readonly cache?: MessageCache;
}

/** For whoever is on call: the alarms first, then the way of a message from the client to the last resort. */
export class OperationsDashboard extends Construct {
  constructor(scope: Construct, id: string, props: OperationsDashboardProps) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: props.name,
      defaultInterval: Duration.hours(3),
    });
    dashboard.addWidgets(
      new TextWidget({
        width: 24,
        height: 2,
        markdown:
          'Read from the top: what clients see, then the functions, the tables, the queue, the cache and the keys. What each alarm means and what to do first stands in the alarm itself and in `docs/deploy.md`.',
      }),
    );
    dashboard.addWidgets(
      new AlarmStatusWidget({ title: 'Alarms', width: 24, height: 6, alarms: [...props.alarms] }),
    );
    dashboard.addWidgets(...clientRow(props));
    dashboard.addWidgets(...functionRow(props));
    dashboard.addWidgets(...storeRow(props));
    dashboard.addWidgets(...lastRow(props));
  }
}

/** Those that clients wait for, and the queue's. A dashboard with more than 50 metrics costs $3 a month. */
const timedFunctions = ['connect', 'send', 'reconnect', 'sync', 'deliver'] as const;

function clientRow({ api, service }: Watched): IWidget[] {
  const of = (metricName: string, statistic: string) => stageMetric(api, metricName, statistic);
  return [
    graph('Connections and frames per minute', [
      of('ConnectCount', Stats.SUM),
      of('MessageCount', Stats.SUM),
    ]),
    graph('What clients wait for, ms', [of('IntegrationLatency', 'p50'), of('IntegrationLatency', 'p99')]),
    graph('Refused and failed', [
      of('ClientError', Stats.SUM),
      of('ExecutionError', Stats.SUM),
      of('IntegrationError', Stats.SUM),
      counter(service, 'AuthorizeRefused'),
    ]),
  ];
}

function functionRow({ functions, service }: Watched): IWidget[] {
  // The authorizer's would count every 401.
  const { [authorizerFunction]: _, ...others } = functions;
  return [
    graph('Errors of functions', [
      ...Object.entries(others).map(([label, lambda]) => lambda.metricErrors({ label, period })),
      counter(service, 'AuthorizeFailed'),
    ]),
    graph(
      'Time of functions, p99, ms',
      timedFunctions.map((name) => functions[name].metricDuration({ label: name, statistic: 'p99', period })),
    ),
    graph('Functions at work', [
      accountMetric('ConcurrentExecutions', Stats.MAXIMUM),
      accountMetric('Throttles', Stats.SUM),
    ]),
  ];
}

function storeRow({ busyTables, service }: OperationsDashboardProps): IWidget[] {
  const each = Object.entries(busyTables);
  const of = (metricName: string) =>
    each.map(([label, table]) => table.metric(metricName, { label, statistic: Stats.SUM, period }));
  return [
    graph('Tables: throttled reads and writes', [...of('ReadThrottleEvents'), ...of('WriteThrottleEvents')]),
    graph('Tables: transactions that met', [...of('TransactionConflict'), counter(service, 'SendLostRace')]),
    graph('Rate limits out of order', [
      counter(service, 'RateLimiterFailedOpen'),
      counter(service, 'RateLimiterFailedClosed'),
    ]),
  ];
}

function lastRow({ laterDelivery, service, cache }: OperationsDashboardProps): IWidget[] {
  const { queue, deadLetters } = laterDelivery;
  const ofCache = (metricName: string, statistic: string) =>
    new Metric({
      namespace: 'AWS/ElastiCache',
      metricName,
      dimensionsMap: { clusterId: cache?.cache.serverlessCacheName ?? '' },
      statistic,
      period,
    });
  return [
    graph('Later delivery', [
      queue.metricNumberOfMessagesSent({ label: 'references', period }),
      queue.metricApproximateAgeOfOldestMessage({ label: 'oldest, s', statistic: Stats.MAXIMUM, period }),
      deadLetters.metricApproximateNumberOfMessagesVisible({
        label: 'set aside',
        statistic: Stats.MAXIMUM,
        period,
      }),
      counter(service, 'PushFailed'),
      counter(service, 'ConnectionNotReading'),
      counter(service, 'WitnessFailed'),
    ]),
    graph('Cache', [
      ...(cache === undefined
        ? []
        : [ofCache('BytesUsedForCache', Stats.MAXIMUM), ofCache('ElastiCacheProcessingUnits', Stats.SUM)]),
      counter(service, 'CacheTimeouts'),
      counter(service, 'CacheErrors'),
      counter(service, 'CacheCircuitOpened'),
    ]),
    graph('Keys and sealed messages', [
      counter(service, 'DataKeyRefused'),
      counter(service, 'DataKeyKeptWhileUnreachable'),
      counter(service, 'DataKeyRotationPutOff'),
      counter(service, 'UnreadableMessage'),
      counter(service, 'MessagesSkipped'),
    ]),
  ];
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } });
}
