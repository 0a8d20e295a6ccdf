import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

/**
 * `critical`: messages are lost from view or refused, wake somebody. `warning`: something works by its second way,
 * look at it in the morning.
 */
export type Severity = 'critical' | 'warning';

export interface AlarmDefinition {
  readonly severity: Severity;
  /** Of what, with its unit if it has one: `QueueAgeSeconds`. Unique. */
  readonly name: string;
  readonly metric: IMetric;
  /** The alarm goes off at this value and above. */
  readonly threshold: number;
  /** How many periods in a row. 1 by default. */
  readonly periods?: number;
  /** What it means and what to do first, for whoever is woken by it. */
  readonly description: string;
}

export interface AlarmsProps {
  /** Begins each alarm's name. */
  readonly deployment: string;
  readonly email?: string;
}

/** Alarms by severity, each severity with a topic of its own to subscribe a pager or a channel to. */
export class Alarms extends Construct {
  readonly topics: Readonly<Record<Severity, Topic>>;
  readonly all: Alarm[] = [];
  private readonly deployment: string;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.deployment = props.deployment;
    this.topics = { critical: this.addTopic('Critical', props), warning: this.addTopic('Warning', props) };
  }

  add(definition: AlarmDefinition): void {
    const { severity, name, metric, threshold, periods = 1, description } = definition;
    const alarm = new Alarm(this, name, {
      alarmName: `${this.deployment} ${severity}: ${name}`,
      alarmDescription: description,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    const tell = new SnsAction(this.topics[severity]);
    alarm.addAlarmAction(tell);
    // Whoever was woken is told that it is over, too.
    alarm.addOkAction(tell);
    this.all.push(alarm);
  }

  private addTopic(id: string, { deployment, email }: AlarmsProps): Topic {
    const topic = new Topic(this, id, {
      displayName: `${deployment} ${id.toLowerCase()} alarms`,
      enforceSSL: true,
    });
    // A policy of its own, here that of enforceSSL, takes the place of the default one, which lets alarms of the account in.
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
    return topic;
  }
}

/** The period of every alarm and graph. */
export const period = Duration.minutes(1);
