import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

test('a drain that fails leaves nothing on its way: a Lambda would freeze it', async () => {
  for (const sender of ['alice', 'carol'])
    await world
      .environment()
      .send({ action: 'send', recipientId: 'bob', content: 'x' }, await world.join(sender));
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let reads = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, { input }, next) => {
    const { TableName } = input as { TableName?: string };
    if (name !== 'QueryCommand' || TableName !== world.dynamodb.tableNames.messages) return next();
    reads += 1;
    if (reads === 1) throw sdkError('InternalServerError', 500);
    begun.resolve();
    await held.promise;
    return next();
  });
  const bob = await world.join('bob');
  let ended = false;

  const reconnecting = world
    .environment({ dynamodb, tiers: [] })
    .reconnect({ action: 'reconnect' }, bob, 'r')
    .finally(() => {
      ended = true;
    });
  reconnecting.catch(() => {});
  await begun.promise;
  await turn();

  // The first conversation has failed by now; the second one is still being read.
  expect(ended).toBe(false);
  held.resolve();
  await expect(reconnecting).rejects.toMatchObject({ name: 'InternalServerError' });
});

test('so does one whose time is up when the next conversation has been read ahead', async () => {
  for (const sender of ['dave', 'erin'])
    await world
      .environment()
      .send({ action: 'send', recipientId: 'frank', content: 'x' }, await world.join(sender));
  let now = Date.now();
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let reads = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, { input }, next) => {
    const { TableName } = input as { TableName?: string };
    if (name !== 'QueryCommand' || TableName !== world.dynamodb.tableNames.messages) return next();
    reads += 1;
    const isFirst = reads === 1;
    const answer = await next();
    if (isFirst) {
      await begun.promise;
      now += 16_000;
      return answer;
    }
    begun.resolve();
    await held.promise;
    return answer;
  });
  const frank = await world.join('frank');
  const clock = { now: () => now, sleep: async () => {} };
  let ended = false;

  const reconnecting = world
    .environment({ dynamodb, tiers: [], clock })
    .reconnect({ action: 'reconnect' }, frank, 'r')
    .finally(() => {
      ended = true;
    });
  await begun.promise;
  for (let turns = 0; turns < 50; turns += 1) await turn();

  expect(ended).toBe(false);
  held.resolve();
  await reconnecting;
  expect(world.gateway.frames.get(frank.connectionId)?.at(-1)).toMatchObject({ more: true });
});
