import { expect, test } from 'vitest';
import type { Flow, Step } from '../../localstack/inspector/flow.ts';
import { diagramOf } from '../../web/flow-rows.ts';
import {
  dollars,
  duration,
  flowSummary,
  laterText,
  stepTrouble,
  tiersText,
  totalsText,
} from '../../web/flow-text.ts';

function step(changes: Partial<Step>): Step {
  return {
    ...{
      id: '1',
      service: 'dynamodb',
      operation: 'Query',
      about: 'messages',
      roundTrip: 1,
      fromMs: 1,
      tookMs: 2,
    },
    ...{ status: 200, refusal: undefined, requestBytes: 10, answerBytes: 20, readUnits: 1, writeUnits: 0 },
    ...{ found: undefined, dollarsPerMillion: 0.125, ...changes },
  };
}

function flow(changes: Partial<Flow>): Flow {
  return {
    ...{
      id: 1,
      functionName: 'sync',
      routeKey: 'history',
      userId: 'alice',
      at: 0,
      waitedMs: 0,
      coldStart: false,
    },
    ...{
      tookMs: 10,
      outcome: 'returned' as const,
      requestBytes: 100,
      answer: 'history.page',
      answerBytes: 500,
    },
    ...{ messageIds: [], steps: [], tiers: undefined, dollarsPerMillion: 2, ...changes },
  };
}

test('numbers are told as a person reads them', () => {
  expect([0.82, 12.34, 130.4, 10_210].map(duration)).toEqual(['0.8 ms', '12.3 ms', '130 ms', '10.2 s']);
  expect([0, 0.0023, 0.0625, 10.73].map(dollars)).toEqual(['$0.00', '<$0.01', '$0.06', '$10.73']);
});

test('what is under way, was refused or failed is told as such', () => {
  expect(flowSummary(flow({ tookMs: undefined, outcome: 'running' }))).toBe('under way …');
  expect(flowSummary(flow({ answer: 'error forbidden' }))).toMatch(/^error forbidden · /);
  expect(flowSummary(flow({ outcome: 'failed' }))).toContain('failed after 10.0 ms');
  expect(stepTrouble(step({ status: 'cut' }))).toBe('no answer');
  expect(stepTrouble(step({ status: 400, refusal: 'ConditionalCheckFailedException' }))).toBe(
    'ConditionalCheckFailed',
  );
  expect(stepTrouble(step({}))).toBe('');
});

test('calls to AWS and to the cache are counted apart', () => {
  const [call, cache] = [step({}), step({ service: 'cache', operation: 'ZRANGE' })];
  const calls = (...steps: Step[]) => flowSummary(flow({ steps })).split(' · ')[0];
  expect([calls(call, call, cache), calls(call), calls()]).toEqual([
    '2 AWS calls + 1 cache call',
    '1 AWS call',
    '0 AWS calls',
  ]);
  expect(totalsText(flow({ steps: [call, cache, cache] }))).toMatch(/^1 AWS call \+ 2 cache calls · /);
});

test('memory is what neither the cache nor the database had', () => {
  const read = (fromCache: number, fromDatabase: number) =>
    tiersText(flow({ tiers: { told: 3, fromCache, fromDatabase } }));
  expect(read(0, 0)).toBe('3 messages read: 3 from memory');
  expect(read(2, 1)).toBe('3 messages read: 2 from the cache, 1 from the database');
  expect(tiersText(flow({}))).toBe('');
});

test('the later look says what it came to', () => {
  const post = step({ service: 'connections', operation: 'PostToConnection', about: 'message.new to bob' });
  expect(laterText(flow({ steps: [step({}), post] }))).toBe('posted message.new to bob');
  expect(laterText(flow({ steps: [step({ service: 'events', operation: 'PutEvents' })] }))).toBe(
    'published a notification',
  );
  expect(laterText(flow({ steps: [step({ about: 'mailboxes' })] }))).toBe('nothing was left to do');
});

test('a diagram has the lanes that take part, and calls by round trip', () => {
  const steps = [
    step({ id: '1', about: 'mailboxes' }),
    step({
      id: '2',
      service: 'cache',
      operation: 'ZRANGE',
      about: '',
      roundTrip: undefined,
      fromMs: 4,
      found: 0,
    }),
    step({ id: '3', roundTrip: 2, fromMs: 7, found: 3 }),
    step({ id: '4', service: 'cache', operation: 'SET ZADD', about: '', roundTrip: undefined, fromMs: 8 }),
  ];
  const { lanes, groups } = diagramOf(flow({ steps }));
  expect(lanes.map(({ name }) => name)).toEqual(['alice', 'Gateway', 'λ sync', 'DynamoDB', 'Valkey']);
  expect(groups.map(({ title, rows }) => [title, rows.map(({ label }) => label)])).toEqual([
    ['', ['history, 100 B', 'invoked']],
    ['Round trip 1 · 2.0 ms', ['Query mailboxes']],
    ['Cache · 2.0 ms', ['ZRANGE (found 0)']],
    ['Round trip 2 · 2 calls side by side · 3.0 ms', ['Query messages (found 3)', 'SET ZADD']],
    ['', ['returned', 'history.page, 500 B']],
  ]);
});

test('a push goes to somebody else, a page to whoever asked', () => {
  const steps = ['message.new to bob', 'reconnect.page to alice'].map((about, index) =>
    step({ id: String(index), service: 'connections', operation: 'PostToConnection', about }),
  );
  const { lanes, groups } = diagramOf(flow({ steps }));
  expect(groups.flatMap(({ rows }) => rows.filter((row) => row.step).map(({ to }) => to))).toEqual([
    'others',
    'client',
  ]);
  expect(lanes.at(-1)).toEqual({ id: 'others', name: 'bob' });
});
