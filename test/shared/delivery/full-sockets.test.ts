import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

/** The world's gateway, and how often each connection was posted to. */
function counting() {
  const posts = new Map<string, number>();
  const gateway = {
    ...world.gateway,
    async post(connectionId: string, frame: string) {
      posts.set(connectionId, (posts.get(connectionId) ?? 0) + 1);
      return world.gateway.post(connectionId, frame);
    },
  };
  return { gateway, posts };
}

test('connections that are not read get one more post each, are closed, and are written to no more', async () => {
  const { gateway, posts } = counting();
  const environment = world.environment({ gateway });
  const alice = await world.join('alice');
  // Long ago: nothing of a catch-up fills them any more.
  const connectedAt = Date.now() - 120_000;
  const unread = await Promise.all(Array.from({ length: 20 }, () => world.join('bob', { connectedAt })));
  const ids = unread.map(({ connectionId }) => connectionId).sort();
  for (const id of ids) world.gateway.full.add(id);

  const { message } = await environment.send({ action: 'send', recipientId: 'bob', content: 'x' }, alice);
  await environment.send({ action: 'send', recipientId: 'bob', content: 'y' }, alice);
  const [reference] = world.left.filter(({ recipientId }) => recipientId === 'bob');
  if (!reference) throw new Error('no witness');
  expect(await environment.deliverLater(reference)).toBe('done');

  expect([...posts].sort()).toStrictEqual(ids.map((id) => [id, 1]));
  expect(world.gateway.closed.sort()).toStrictEqual(ids);
  expect(await environment.connections.of('bob', 'strong')).toStrictEqual([]);
  // The mailbox keeps the truth, and nobody who reads is connected.
  expect(world.published).toMatchObject([{ messageId: message.messageId, unread: 2 }]);
});

test('one that is just coming back is not ended by a push that finds it full: its pages fill it', async () => {
  const { gateway } = counting();
  const environment = world.environment({ gateway });
  const [dora, erik] = [await world.join('dora'), await world.join('erik')];
  world.gateway.full.add(erik.connectionId);

  await environment.send({ action: 'send', recipientId: 'erik', content: 'x' }, dora);

  expect(world.gateway.closed).not.toContain(erik.connectionId);
  expect(await environment.connections.of('erik', 'strong')).toHaveLength(1);
});

test('one that fills up between two pages of a drain is closed, and the drain ends', async () => {
  const { gateway, posts } = counting();
  const alice = await world.join('alice');
  for (let index = 0; index < 4; index += 1)
    await world
      .environment()
      .send({ action: 'send', recipientId: 'carol', content: 'x'.repeat(16_000) }, alice);
  const { connectionId, ...carol } = await world.join('carol');
  const filling = {
    ...gateway,
    async post(id: string, frame: string, options?: object) {
      expect(options).toStrictEqual({ waitsForReader: true });
      const outcome = await gateway.post(id, frame);
      world.gateway.full.add(id);
      return outcome;
    },
  };

  await world
    .environment({ gateway: filling })
    .reconnect({ action: 'reconnect' }, { ...carol, connectionId }, undefined);

  expect(posts.get(connectionId)).toBe(2);
  expect(world.gateway.closed).toContain(connectionId);
});
