import { afterAll, beforeAll, expect, test } from 'vitest';
import { intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
/** Two users of one test alone, at an address of their own: its rate limit remembers how late they have it. */
async function two() {
  users += 1;
  const [a, b] = [await world.join(`alice-${users}`), await world.join(`bob-${users}`)];
  const address = `192.0.2.${users}`;
  return [
    { ...a, address },
    { ...b, address },
  ] as const;
}

test('a message is never dated before the one it follows, though the clock is', async () => {
  const [a, b] = await two();
  let now = Date.now();
  // Rate limits remember the later time as well: these hold enough for more than a minute.
  const rateLimits = JSON.stringify({
    messagesPerUser: { burst: 1_000, refillPerSecond: 1 },
    messagesPerAddress: { burst: 1_000, refillPerSecond: 1 },
  });
  const clock = { now: () => now, sleep: async () => {} };
  const environment = world.environment({ clock, rateLimits });
  const sentAt = async () => {
    const reply = await environment.send({ action: 'send', recipientId: b.userId, content: 'x' }, a);
    return Date.parse(reply.message.sentAt);
  };
  const first = await sentAt();
  now -= 60_000;
  const second = await sentAt();
  now += 60_001;
  const third = await sentAt();

  expect([second - first, third - first]).toStrictEqual([0, 1]);
});

test('a queue that hangs does not hold up the confirmation, and is counted', async () => {
  const [a, b] = await two();
  const slept: number[] = [];
  const clock = { now: Date.now, sleep: async (milliseconds: number) => void slept.push(milliseconds) };
  const queue = { leave: () => new Promise<never>(() => {}) };
  const before = world.telemetry.counts.get('WitnessFailed') ?? 0;

  const reply = await world
    .environment({ queue, clock })
    .send({ action: 'send', recipientId: b.userId, content: 'x' }, a);

  expect(reply.message.seq).toBe(1);
  expect(Math.max(...slept)).toBe(1_500);
  expect(world.telemetry.counts.get('WitnessFailed')).toBe(before + 1);
});

test('pushes that hang do not hold up the confirmation', async () => {
  const [a, b] = await two();
  const slept: number[] = [];
  const clock = { now: Date.now, sleep: async (milliseconds: number) => void slept.push(milliseconds) };
  const gateway = { post: () => new Promise<never>(() => {}), close: async () => 'closed' as const };

  const reply = await world
    .environment({ gateway, clock })
    .send({ action: 'send', recipientId: b.userId, content: 'x' }, a);

  expect(reply.message.seq).toBe(1);
  expect(Math.max(...slept)).toBe(1_500);
});

test('an early look-up that fails costs neither the commit nor the push', async () => {
  const [a, b] = await two();
  const { connections } = world.dynamodb.tableNames;
  let failed = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, { input }, next) => {
    const { TableName, ConsistentRead } = input as { TableName?: string; ConsistentRead?: boolean };
    if (name !== 'QueryCommand' || TableName !== connections || ConsistentRead) return next();
    failed += 1;
    throw sdkError('InternalServerError', 500);
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: b.userId, content: 'x' }, a);

  expect(failed).toBe(2);
  expect(reply.message.seq).toBe(1);
  expect(world.gateway.pushes(b.connectionId)).toHaveLength(1);
});
