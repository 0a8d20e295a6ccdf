import { Construct } from 'constructs';
import { alarmList, type Watched } from '../alarm-list.ts';
import type { Settings } from '../settings.ts';
import { Alarms } from './alarms.ts';
import type { MessageCache } from './message-cache.ts';
import { OperationsDashboard } from './operations-dashboard.ts';

export interface OperationsProps extends Omit<Watched, 'service' | 'requestsPerSecond'> {
  readonly settings: Settings;
  readonly cache?: MessageCache;
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
  }
}
