import { readdirSync, readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { tables } from '#shared/aws/tables.ts';
import { type Resource, resourcesOf, type Synthesised, synthesise } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let stack: Synthesised;
beforeAll(() => {
  stack = synthesise({ alarmEmail: 'on-call@example.com' });
});

const alarms = () => resourcesOf(stack.messaging, 'AWS::CloudWatch::Alarm').map(([, alarm]) => alarm);
const named = (name: string): Resource => {
  const found = alarms().find(({ Properties }) => String(Properties.AlarmName).endsWith(`: ${name}`));
  if (found === undefined) throw new Error(`There is no alarm ${name}.`);
  return found;
};

describe('alarms', () => {
  test('the first message that is set aside wakes somebody', () => {
    expect(named('DeadLetters').Properties).toMatchObject({
      AlarmName: 'Postrider critical: DeadLetters',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      EvaluationPeriods: 1,
    });
  });

  test('so does, by morning, the first message that nobody will look at again', () => {
    expect(named('WitnessFailed').Properties).toMatchObject({
      AlarmName: 'Postrider warning: WitnessFailed',
      Threshold: 1,
      EvaluationPeriods: 1,
    });
  });

  test('each says what to do, and calls by its severity', () => {
    for (const { Properties } of alarms()) {
      expect(String(Properties.AlarmDescription).length, String(Properties.AlarmName)).toBeGreaterThan(40);
      const severity = String(Properties.AlarmName).split(' ')[1]?.replace(':', '');
      const [action] = Properties.AlarmActions as { Ref: string }[];
      expect(action?.Ref.toLowerCase()).toContain(severity);
    }
  });

  test('there is one for the errors of each function, for throttles, and for the age of the queue', () => {
    for (const name of [
      'sendErrors',
      'deliverErrors',
      'authorizeErrors',
      'FunctionThrottles',
      'TableWriteThrottles',
      'TableReadThrottles',
      'DeliveryQueueAgeSeconds',
      'DataKeyRefused',
      'DataKeyKeptWhileUnreachable',
    ]) {
      expect(named(name).Properties.AlarmName).toContain(name);
    }
  });

  test('no alarm and no graph counts an error of the authorizer by itself: every 401 is one', () => {
    const authorizer = functionIdOf('authorize');
    const watching = alarms().filter(({ Properties }) => JSON.stringify(Properties).includes(authorizer));

    expect(watching).toEqual([named('authorizeErrors')]);
    expect(named('authorizeErrors').Properties).toMatchObject({
      EvaluationPeriods: 3,
      Metrics: [
        { Expression: 'FILL(errors, 0) - FILL(refused, 0)', ReturnData: true },
        { Id: 'errors', MetricStat: { Metric: { MetricName: 'Errors' } }, ReturnData: false },
        { Id: 'refused', MetricStat: { Metric: { MetricName: 'AuthorizeRefused' } }, ReturnData: false },
      ],
    });
    expect(dashboardParts()).not.toContainEqual({ Ref: authorizer });
    expect(dashboardParts()).toContainEqual({ Ref: functionIdOf('send') });
  });

  test('whoever was called is told that it is over', () => {
    for (const { Properties } of alarms()) expect(Properties.OKActions).toEqual(Properties.AlarmActions);
  });

  test.for(['Write', 'Read'])(
    '%s throttles of every table count, and minutes without any are zeros',
    (kind) => {
      const { Metrics } = named(`Table${kind}Throttles`).Properties;
      const [expression, ...each] = Metrics as {
        Expression?: string;
        MetricStat?: { Metric: { MetricName: string } };
      }[];
      expect(expression?.Expression).toBe('SUM(FILL(METRICS(), 0))');
      expect(each.map((one) => one.MetricStat?.Metric.MetricName)).toEqual(
        Object.keys(tables).map(() => `${kind}ThrottleEvents`),
      );
    },
  );

  test('whoever disables the content key, or has it deleted, wakes somebody', () => {
    const [[topicId] = []] = resourcesOf(stack.messaging, 'AWS::SNS::Topic').filter(([id]) =>
      id.includes('Critical'),
    );
    stack.messaging.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.kms'],
        detail: {
          eventName: ['DisableKey', 'ScheduleKeyDeletion'],
          resources: { ARN: [{ 'Fn::ImportValue': Match.stringLikeRegexp('ContentKey') }] },
        },
      },
      Targets: [Match.objectLike({ Arn: { Ref: topicId } })],
    });
  });

  test('what is wrong with the authorizer itself wakes somebody', () => {
    expect(named('AuthorizeFailed').Properties).toMatchObject({
      AlarmName: 'Postrider critical: AuthorizeFailed',
      Namespace: 'Postrider',
      Threshold: 5,
    });
  });

  test('requests that come nearly as fast as the stage’s throttle allows wake somebody', () => {
    const [[, stage]] = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Stage') as [[string, Resource]];
    const { ThrottlingRateLimit } = stage.Properties.DefaultRouteSettings as { ThrottlingRateLimit: number };

    expect(named('RequestsNearThrottle').Properties).toMatchObject({
      AlarmName: 'Postrider critical: RequestsNearThrottle',
      Namespace: 'AWS/ApiGateway',
      // One sample for each request that an integration got.
      MetricName: 'IntegrationLatency',
      Statistic: 'SampleCount',
      Period: 60,
      Threshold: 0.9 * 60 * ThrottlingRateLimit,
      Dimensions: [
        { Name: 'ApiId', Value: expect.anything() },
        { Name: 'Stage', Value: 'v1' },
      ],
    });
  });

  test('every counter that is watched is one that the code counts', () => {
    const counted =
      sourceOf(new URL('../../shared/', import.meta.url)) +
      sourceOf(new URL('../../functions/', import.meta.url));
    const onDashboard = dashboardText().matchAll(/"Postrider","(\w+)","service"/g);
    const inAlarms = alarms().filter(({ Properties }) => Properties.Namespace === 'Postrider');
    const names = new Set([
      ...inAlarms.map(({ Properties }) => String(Properties.MetricName)),
      ...[...onDashboard].map(([, name]) => String(name)),
    ]);
    expect(names.size).toBeGreaterThan(10);
    expect([...names].filter((name) => !counted.includes(`'${name}'`))).toEqual([]);
  });

  test('may publish to their topics, over TLS alone', () => {
    const policies = resourcesOf(stack.messaging, 'AWS::SNS::TopicPolicy').map(
      ([, { Properties }]) => Properties,
    );
    expect(policies).toHaveLength(2);
    for (const { PolicyDocument } of policies) {
      expect(PolicyDocument).toMatchObject({
        Statement: expect.arrayContaining([
          expect.objectContaining({
            Effect: 'Deny',
            Principal: '*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
          expect.objectContaining({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      });
    }
  });

  test('go to the address of the settings', () => {
    expect(
      resourcesOf(stack.messaging, 'AWS::SNS::Subscription').map(([, { Properties }]) => Properties.Endpoint),
    ).toEqual(['on-call@example.com', 'on-call@example.com']);
  });
});

test('there is one dashboard, with no more metrics than are free', () => {
  stack.messaging.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  const metrics = dashboardText().match(/\["(AWS\/|Postrider)/g) ?? [];
  expect(metrics.length).toBeGreaterThan(30);
  expect(metrics.length).toBeLessThanOrEqual(50);
});

function sourceOf(folder: URL): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');
}

/** The logical id of a function. */
function functionIdOf(name: string): string {
  const described = resourcesOf(stack.messaging, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties.Description === `Postrider: ${name}`,
  );
  return described?.[0] ?? expect.fail();
}

/** The body that CloudFormation puts together, without what it puts in. */
function dashboardText(): string {
  return dashboardParts()
    .filter((part) => typeof part === 'string')
    .join('');
}

/** What CloudFormation puts the body together from: texts, and references. */
function dashboardParts(): unknown[] {
  const [dashboard] = resourcesOf(stack.messaging, 'AWS::CloudWatch::Dashboard').map(([, each]) => each);
  const body = dashboard?.Properties.DashboardBody as { 'Fn::Join': [string, unknown[]] };
  return body['Fn::Join'][1];
}
