import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultRateLimits } from '#shared/limits/rate-limits.ts';
import { intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const connection = (userId: string, index: number) => ({
  userId,
  connectionId: `${userId}-${index}`,
  address: '192.0.2.1',
  connectedAt: Date.now() + index,
  expiresAt: Date.now() + 3_600_000,
  ready: false,
});

test('the 21st connection ends the oldest, whose row goes first', async () => {
  const environment = world.environment();
  for (let index = 1; index <= 21; index += 1) await environment.openConnection(connection('carol', index));

  expect(world.gateway.closed).toStrictEqual(['carol-1']);
  const rows = await environment.connections.of('carol', 'strong');
  expect(rows.map(({ connectionId }) => connectionId)).not.toContain('carol-1');
  expect(rows).toHaveLength(20);
});

test('many at once: the 20 newest remain', async () => {
  const environment = world.environment();
  await Promise.all(
    Array.from({ length: 40 }, (_, index) => environment.openConnection(connection('dave', index))),
  );

  const rows = await environment.connections.of('dave', 'strong');
  expect(rows).toHaveLength(20);
});

test('attempts beyond the address’s limit are told when to come again', async () => {
  const rateLimits = JSON.stringify({ connectionsPerAddress: { burst: 2, refillPerSecond: 0.5 } });
  const now = Date.now();
  const environment = world.environment({ rateLimits, clock: { now: () => now, sleep: async () => {} } });
  const open = (index: number) =>
    environment.openConnection({ ...connection('erin', index), address: '198.51.100.7' });
  await open(1);
  await open(2);

  expect(await open(3)).toStrictEqual({ opened: false, retryAfterMs: 2_000 });
  expect(await environment.connections.of('erin', 'strong')).toHaveLength(2);
});

/** An environment with these limits in which time stands still, and a way to open one more connection. */
function standingStill(limits: object, settings: Record<string, string> = {}) {
  const now = Date.now();
  const environment = world.environment({
    rateLimits: JSON.stringify(limits),
    settings,
    clock: { now: () => now, sleep: async () => {} },
  });
  let opened = 0;
  return (userId: string, address: string) => {
    opened += 1;
    return environment.openConnection({ ...connection(userId, opened), address });
  };
}

test('what a user is refused costs the address nothing', async () => {
  const open = standingStill({
    connectionsPerUser: { burst: 3, refillPerSecond: 0.5 },
    connectionsPerAddress: { burst: 5, refillPerSecond: 0.1 },
  });
  const outcomes = [];
  for (let attempt = 0; attempt < 50; attempt += 1) outcomes.push(await open('olga', '198.51.100.8'));

  expect(outcomes.filter(({ opened }) => opened)).toHaveLength(3);
  expect(outcomes.at(-1)).toStrictEqual({ opened: false, retryAfterMs: 2_000 });
  expect(await open('paul', '198.51.100.8')).toStrictEqual({ opened: true });
  expect(await open('quentin', '198.51.100.8')).toStrictEqual({ opened: true });
  expect(await open('rosa', '198.51.100.8')).toStrictEqual({ opened: false, retryAfterMs: 10_000 });
});

test('nor does an environment that knows nothing yet touch the address’s row for whom its own limit refuses', async () => {
  const charged: unknown[] = [];
  const dynamodb = intercepting(world.dynamodb.client, (name, command, next) => {
    if (name === 'UpdateCommand') charged.push((command.input as { Key: { key?: string } }).Key.key);
    return next();
  });
  const now = Date.now();
  const clock = { now: () => now, sleep: async () => {} };
  const rateLimits = JSON.stringify({ connectionsPerUser: { burst: 1, refillPerSecond: 0.001 } });
  const open = (index: number) =>
    world
      .environment({ dynamodb, clock, rateLimits })
      .openConnection({ ...connection('uwe', index), address: '198.51.100.14' });
  await open(1);
  charged.length = 0;

  expect(await open(2)).toMatchObject({ opened: false });

  expect(new Set(charged)).toStrictEqual(new Set(['user#connections#uwe']));
});

test('and what the address refuses costs the user nothing', async () => {
  const open = standingStill({
    connectionsPerUser: { burst: 2, refillPerSecond: 0.001 },
    connectionsPerAddress: { burst: 1, refillPerSecond: 0.001 },
  });
  await open('sven', '198.51.100.9');

  for (let attempt = 0; attempt < 5; attempt += 1)
    expect(await open('tina', '198.51.100.9')).toMatchObject({ opened: false });

  for (const address of ['198.51.100.10', '198.51.100.11'])
    expect(await open('tina', address)).toStrictEqual({ opened: true });
  expect(await open('tina', '198.51.100.12')).toMatchObject({ opened: false });
});

test('a trusted network has no limit of its own, its users have theirs', async () => {
  const limits = {
    connectionsPerUser: { burst: 2, refillPerSecond: 0.001 },
    connectionsPerAddress: { burst: 1, refillPerSecond: 0.001 },
  };
  const open = standingStill(limits, { TRUSTED_NETWORKS: '203.0.113.0/24' });

  for (let person = 0; person < 30; person += 1)
    expect(await open(`employee-${person}`, '203.0.113.7')).toStrictEqual({ opened: true });
  expect(await open('employee-1', '203.0.113.7')).toStrictEqual({ opened: true });
  expect(await open('employee-1', '203.0.113.7')).toMatchObject({ opened: false });
});

/** As clients do that come again when they were told to, and then once more at random within the next second. */
test('300 people behind one address are all let in within a tenth more than its limit takes', async () => {
  let now = Date.now();
  const clock = { now: () => now, sleep: async () => {} };
  const { limiter } = world.environment({ rateLimits: '{}', clock });
  const started = now;
  const waiting = Array.from({ length: 300 }, (_, person) => ({ person, at: now }));
  while (waiting.length > 0) {
    waiting.sort((one, other) => one.at - other.at);
    const next = waiting.shift();
    if (!next) break;
    now = Math.max(now, next.at);
    const charges = [
      { limit: 'connectionsPerUser', of: `of-300-${next.person}` },
      { limit: 'connectionsPerAddress', of: '198.51.100.13' },
    ] as const;
    const decision = await limiter.take(charges, 'inTurn');
    if (!decision.allowed) waiting.push({ ...next, at: now + decision.retryAfterMs + 1_000 * Math.random() });
  }
  const { burst, refillPerSecond } = defaultRateLimits.connectionsPerAddress;
  expect(now - started).toBeLessThan((1.1 * 1_000 * (300 - burst)) / refillPerSecond);
});

test('one that fails to open leaves no row, which would count as one of the newest', async () => {
  const failing = intercepting(world.dynamodb.client, (name, _, next) =>
    name === 'QueryCommand' ? Promise.reject(sdkError('InternalServerError', 500)) : next(),
  );

  const opening = world.environment({ dynamodb: failing }).openConnection(connection('frank', 1));

  await expect(opening).rejects.toMatchObject({ name: 'InternalServerError' });
  expect(await world.environment().connections.of('frank', 'strong')).toHaveLength(0);
});

test('one that is still opening itself is tried to be closed for a moment; an older one is gone', async () => {
  const now = Date.now();
  const clock = { now: () => now, sleep: async () => {} };
  const closes: string[] = [];
  let opensAfter = 2;
  const gateway = {
    ...world.gateway,
    async close(connectionId: string) {
      closes.push(connectionId);
      return closes.length > opensAfter ? ('closed' as const) : ('gone' as const);
    },
  };
  const environment = world.environment({ clock, gateway });
  const closesOf = async (userId: string, ages: readonly number[]) => {
    closes.length = 0;
    for (const [index, age] of ages.entries())
      await environment.openConnection({ ...connection(userId, index), connectedAt: now - age });
    return closes;
  };
  const seconds = (first: number) => Array.from({ length: 21 }, (_, index) => 1_000 * (first - index * 0.01));

  expect(await closesOf('gina', seconds(1))).toStrictEqual(['gina-0', 'gina-0', 'gina-0']);
  expect(await closesOf('hugo', seconds(10))).toStrictEqual(['hugo-0']);
  opensAfter = Number.POSITIVE_INFINITY;
  expect(await closesOf('ines', seconds(1))).toStrictEqual(Array(5).fill('ines-0'));
  // The last to come is the oldest: it cannot close itself before it is open.
  expect(await closesOf('jana', seconds(1).reverse())).toStrictEqual([]);
});
