import { afterAll, beforeAll, expect, test } from 'vitest';
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
