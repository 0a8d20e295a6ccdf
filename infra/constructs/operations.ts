import { Rule } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { alarmList, type Watched } from '../alarm-list.ts';
import type { Settings } from '../settings.ts';
import { Alarms } from './alarms.ts';
import type { MessageCache } from './message-cache.ts';
import { OperationsDashboard } from './operations-dashboard.ts';

export interface OperationsProps extends Omit<Watched, 'service' | 'requestsPerSecond'> {
  readonly settings: Settings;
  readonly cache?: MessageCache;
  readonly contentKey: Key;
}

/** What watches a deployment and calls somebody. */
export class Operations extends Construct {
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    const { settings } = props;
    this.alarms = new Alarms(this, 'Alarms', {
      deployment: settings.name,
      ...(settings.alarmEmail !== undefined && { email: settings.alarmEmail }),
    });
    const watched = { ...props, service: settings.name, requestsPerSecond: settings.requestsPerSecond };
    for (const definition of alarmList(watched)) this.alarms.add(definition);
    new OperationsDashboard(this, 'Dashboard', {
      ...watched,
      name: settings.name,
      alarms: this.alarms.all,
    });
    this.watchKey(props.contentKey);
  }

  /**
   * Whoever disables the key or has it deleted stops all reading, at once or after weeks in which nobody notices. The events are
   * those of CloudTrail, for which the account needs a trail.
   */
  private watchKey(key: Key): void {
    new Rule(this, 'KeyInDanger', {
      description: 'The key that seals message content was disabled, or will be deleted',
      eventPattern: {
        source: ['aws.kms'],
        detailType: ['AWS API Call via CloudTrail'],
        detail: {
          eventName: ['DisableKey', 'ScheduleKeyDeletion'],
          resources: { ARN: [key.keyArn] },
        },
      },
      targets: [new SnsTopic(this.alarms.topics.critical)],
    });
  }
}
