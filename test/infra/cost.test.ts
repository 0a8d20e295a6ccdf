import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { alarmMetrics, monthlyCost, typicalWorkload } from '#infra/cost/model.ts';
import { prices } from '#infra/cost/prices.ts';
import { formatReport, parseWorkload } from '#infra/cost/report.ts';
import { resourcesOf, type Synthesised, synthesise } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const total = (workload: typeof typicalWorkload) =>
  monthlyCost(workload).reduce((sum, { cost }) => sum + cost, 0);

describe('the model', () => {
  test('is a sum of quantities and prices', () => {
    for (const { what, quantity, price, cost } of monthlyCost(typicalWorkload)) {
      expect(quantity, what).toBeGreaterThanOrEqual(0);
      expect(cost, what).toBeCloseTo(quantity * price, 9);
    }
  });

  test('adds the same for each further message', () => {
    const at = (messages: number) => total({ ...typicalWorkload, messages });
    expect(at(3e6) - at(2e6)).toBeCloseTo(at(2e6) - at(1e6), 6);
  });

  test('without users and messages, leaves what is always there', () => {
    const idle = { ...typicalWorkload, users: 0, messages: 0 };
    const left = monthlyCost(idle).filter(({ cost }) => cost > 0);
    expect(left.map(({ what }) => what)).toEqual([
      'SQS',
      'ElastiCache, data',
      'KMS',
      'CloudWatch, alarms',
      'CloudWatch, dashboard',
    ]);
    expect(total(idle) - total({ ...idle, cache: false })).toBeCloseTo(6.13, 2);
  });

  test('counts the pings and looks of a quiet connection, and their answers', () => {
    const framesAt = (hoursOnline: number) =>
      monthlyCost({ ...typicalWorkload, hoursOnline }).find(({ what }) => what === 'API Gateway, frames')
        ?.quantity ?? Number.NaN;
    const hours = (typicalWorkload.users * 365) / 12;
    expect(framesAt(1) - framesAt(0)).toBeCloseTo(hours * 2 * (12 + 4), 3);
  });

  test.each([
    ['contentBytes', 3000],
    ['messagesInHour', 1],
    ['messagesPerAck', 3],
    ['messagesPerRead', 1],
    ['offlineShare', 1],
    ['hoursOnline', 20],
    ['sessions', 40],
    ['users', 5000],
    ['months', 24],
    ['conversationsPerUser', 500],
  ] as const)('notices %s', (field, value) => {
    expect(total({ ...typicalWorkload, [field]: value })).not.toBeCloseTo(total(typicalWorkload), 2);
  });
});

describe('the pages', () => {
  test('docs/cost.md shows what the command prints', () => {
    expect(page('cost.md')).toContain(formatReport(typicalWorkload).trim());
  });

  test.each(['../README.md', 'cost.md'])('%s tells what an idle deployment costs', (name) => {
    const idle = { ...typicalWorkload, users: 0, messages: 0 };
    expect(page(name)).toContain(`$${total(idle).toFixed(2)}`);
    expect(page(name)).toContain(`$${total({ ...idle, cache: false }).toFixed(2)}`);
  });

  test('the units of a send are those that docs/performance.md counts', () => {
    expect(page('performance.md')).toContain('| send, recipient online | 10 | 3 | 7 | 10 |');
    expect(page('performance.md')).toContain('| send, the first of its hour | 9 | 3 | 7 | 14 |');
  });

  test('docs/cost.md tells what fewer acks save', () => {
    const at = (messagesPerAck: number) => total({ ...typicalWorkload, messagesPerAck });
    expect(page('cost.md')).toContain(`a million cost $${(at(1) - at(3)).toFixed(2)} less`);
    expect(page('cost.md')).toContain(`cost $${(at(0.5) - at(1)).toFixed(2)} more`);
  });

  test('docs/cost.md tells what being online costs', () => {
    const at = (hoursOnline: number) =>
      total({ ...typicalWorkload, users: 10_000, messages: 0, hoursOnline });
    expect(page('cost.md')).toContain(`cost $${(at(12) - at(0)).toFixed(0)} a month`);
    const minutes = 10_000 * 12 * 60 * (365 / 12) * prices.apiConnectionMinute;
    expect(page('cost.md')).toContain(`$${minutes.toFixed(0)} in connection minutes`);
  });
});

describe('the deployment', () => {
  let stack: Synthesised;
  beforeAll(() => {
    stack = synthesise();
  });

  test('has as many alarm metrics as are counted', () => {
    const metrics = resourcesOf(stack.messaging, 'AWS::CloudWatch::Alarm').flatMap(([, { Properties }]) => {
      const several = Properties.Metrics as { MetricStat?: unknown }[] | undefined;
      return several?.filter(({ MetricStat }) => MetricStat !== undefined) ?? [Properties.MetricName];
    });
    expect(metrics).toHaveLength(alarmMetrics);
  });
});

describe('the command line', () => {
  test('takes what it is given and the typical workload for the rest', () => {
    expect(parseWorkload(['--users', '5', '--no-cache', '--offline-share', '0.5'])).toEqual({
      ...typicalWorkload,
      users: 5,
      cache: false,
      offlineShare: 0.5,
    });
  });

  test.each([
    [['--users', 'many'], '--users is "many": write a number from 0'],
    [['--users', ''], 'write a number'],
    [['--hours-online', '25'], 'from 0 to 24'],
    [['--messages-per-ack', '0'], 'from 0.1'],
    [['--mesages', '5'], 'There is no option --mesages.'],
  ])('%j is refused', (args, remedy) => {
    expect(() => parseWorkload(args)).toThrow(remedy);
  });
});
