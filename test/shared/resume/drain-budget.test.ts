import { afterAll, beforeAll, expect, test } from 'vitest';
import { pagesAtOnce } from '#shared/resume/drain-budget.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const standingClock = () => {
  const now = Date.now();
  return { now: () => now, sleep: async () => {} };
};

/** So many messages for `userId`, each a page by itself. */
async function leavePages(userId: string, pages: number) {
  const from = await world.join(`sender-for-${userId}`);
  const environment = world.environment();
  for (let page = 0; page < pages; page += 1)
    await environment.send({ action: 'send', recipientId: userId, content: 'x'.repeat(16_384) }, from);
}

const framesOf = (connectionId: string, type: string) =>
  (world.gateway.frames.get(connectionId) ?? []).filter((frame) => frame.type === type);

const limitsOf = (requests: number, drains = 3) =>
  JSON.stringify({
    requestsPerUser: { burst: requests, refillPerSecond: 1 },
    drainsPerUser: { burst: drains },
  });

test('a drain costs its pages: a flood of reconnects gets no more of them than the budget pays for', async () => {
  await leavePages('bob', 40);
  const environment = world.environment({ rateLimits: limitsOf(100), clock: standingClock() });
  const session = await world.join('bob', { ready: false });

  const answers = await Promise.allSettled(
    Array.from({ length: 40 }, () => environment.reconnect({ action: 'reconnect' }, session, 'r')),
  );

  expect(answers.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  // Each page costs a unit, those of the first charge the five of it: a message here is half of a page, or all of it.
  expect(framesOf(session.connectionId, 'reconnect.page').length).toBeLessThanOrEqual(100);
});

test('a budget that is used up ends the drain with more to come, and the next one gets on from there', async () => {
  await leavePages('carol', 40);
  const clock = standingClock();
  const session = await world.join('carol', { ready: false });
  // Five for the reconnect, and four pages twice.
  const rateLimits = limitsOf(21);
  const positions = () => {
    const seqs = framesOf(session.connectionId, 'reconnect.page').flatMap((frame) =>
      frame.type === 'reconnect.page' ? frame.messages : [],
    );
    return new Map(seqs.map(({ conversationId, seq }) => [conversationId, seq]));
  };

  await world.environment({ rateLimits, clock }).reconnect({ action: 'reconnect' }, session, 'r');

  const pages = framesOf(session.connectionId, 'reconnect.page').length;
  expect(pages).toBe(5 * pagesAtOnce);
  expect(framesOf(session.connectionId, 'reconnect.done')).toMatchObject([{ more: true }]);
  expect([...positions().values()]).toStrictEqual([pages]);

  await world
    .environment({ rateLimits: limitsOf(1_000), clock: { ...clock, now: () => clock.now() + 1_000_000 } })
    .reconnect(
      { action: 'reconnect', positions: positions() },
      { ...session, expiresAt: clock.now() * 2 },
      'r',
    );

  expect([...positions().values()]).toStrictEqual([40]);
  expect(framesOf(session.connectionId, 'reconnect.done')).toMatchObject([{ more: true }, { more: false }]);
});

/** Reconnects whose posts wait until they are let go: all drains are under way at once. */
async function drainAtOnce(userId: string, connections: readonly Awaited<ReturnType<World['join']>>[]) {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const waiting = new Set<object>();
  const gateways = connections.map((connection) => {
    let pages = 0;
    return {
      ...world.gateway,
      async post(connectionId: string, frame: string) {
        if (frame.includes('reconnect.page')) pages += 1;
        // Where a page that was not paid for by the first charge would be under way.
        if (pages === pagesAtOnce + 1) {
          waiting.add(connection);
          await held;
        }
        return world.gateway.post(connectionId, frame);
      },
    };
  });
  const drains = connections.map((session, index) =>
    world
      .environment({ gateway: gateways[index] ?? world.gateway, rateLimits: limitsOf(10_000) })
      .reconnect({ action: 'reconnect' }, session, `r-${index}`)
      .then(() => waiting.delete(session)),
  );
  await Promise.race([Promise.all(drains), untilOthersEnd(drains, waiting)]);
  const together = waiting.size;
  letGo();
  await Promise.all(drains);
  return { together, userId };
}

/** Until each of the drains waits or has ended. */
async function untilOthersEnd(drains: readonly Promise<unknown>[], waiting: ReadonlySet<object>) {
  let ended = 0;
  for (const drain of drains)
    void drain.then(() => {
      ended += 1;
    });
  while (ended + waiting.size < drains.length) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('three long drains of a user go on at once, and what else comes gets its first pages', async () => {
  await leavePages('dave', 8);
  const connections = await Promise.all(Array.from({ length: 6 }, () => world.join('dave')));

  expect((await drainAtOnce('dave', connections)).together).toBe(3);

  const pages = connections.map(({ connectionId }) => framesOf(connectionId, 'reconnect.page').length);
  expect(pages.sort()).toStrictEqual([4, 4, 4, 8, 8, 8]);
  // And they have ended: the next ones find room.
  const later = await world.join('dave');
  expect((await drainAtOnce('dave', [later])).together).toBe(1);
  expect(framesOf(later.connectionId, 'reconnect.page')).toHaveLength(8);
});

test('one of a connection', async () => {
  await leavePages('erin', 8);
  const session = await world.join('erin');
  const connections = Array.from({ length: 3 }, () => ({ ...session }));

  expect((await drainAtOnce('erin', connections)).together).toBe(1);

  const dones = framesOf(session.connectionId, 'reconnect.done');
  expect(dones.map((frame) => frame.type === 'reconnect.done' && frame.more).sort()).toStrictEqual([
    false,
    true,
    true,
  ]);
});
