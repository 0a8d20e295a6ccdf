import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import { type CacheOnServer, openCache, reasonToSkip } from '#test/shared/cache/support/cache-on-server.ts';
import { makeTestServer, type TestServer } from '#test/shared/cache/support/valkey-server.ts';
import { alterEntry, entryStates } from '#test/support/altered-entries.ts';
import { drain, observeEnvironment } from '#test/support/observed-tiers.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const observed = (...caches: MessageCache[]) => observeEnvironment(world, caches);
const to = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

let pairs = 0;
/** Two users and `count` messages between them, none of them in any tier. */
async function conversationOf(count: number) {
  pairs += 1;
  const [alice, bob] = [await world.join(`alice-${pairs}`), await world.join(`bob-${pairs}`)];
  const send = async (from: number, last: number) => {
    const environment = world.environment({ tiers: [] });
    for (const seq of to(last, from))
      await environment.send(
        { action: 'send', recipientId: bob.userId, content: `message ${seq}`, clientMessageId: `${seq}` },
        alice,
      );
  };
  await send(1, count);
  const conversationId = directConversationId(alice.userId, bob.userId);
  const stored = () => world.environment().log.messages(conversationId, 1, 1_000);
  return { alice, bob, conversationId, send, stored };
}

const reason = reasonToSkip('plain');

/** The second tier: the one of the product on a real server, and, where there is none, a memory in its place. */
const secondTiers = [
  { name: 'a memory in the place of the cache', isReal: false },
  { name: 'a real cache server', isReal: true },
];

describe.each(secondTiers)('with $name', ({ isReal }) => {
  describe.skipIf(isReal && reason !== '')(isReal ? reason || 'it is there' : 'everywhere', () => {
    let server: TestServer | undefined;
    let onServer: CacheOnServer | undefined;
    let cache: MessageCache;
    beforeAll(async () => {
      server = isReal ? await makeTestServer('plain') : undefined;
      await server?.start();
    });
    afterAll(async () => {
      await server?.remove();
    });
    beforeEach(async () => {
      onServer = server && (await openCache(server));
      cache = onServer?.cache ?? makeMemoryCache();
      return () => onServer?.close();
    });

    test('cold: the database answers; then the memory; in another environment, the cache', async () => {
      const { bob, conversationId } = await conversationOf(20);
      const one = observed(makeMemoryCache(), cache);

      const cold = await one.history(bob, conversationId, { limit: 20 });
      expect(cold.map(({ seq }) => seq)).toStrictEqual(to(20));
      expect(one.tiers.map(({ answers }) => answers)).toStrictEqual([[[]], [[]]]);
      expect(one.database.answers).toStrictEqual([to(20)]);

      one.forget();
      expect(await one.history(bob, conversationId, { limit: 20 })).toStrictEqual(cold);
      expect(one.tiers.map(({ answers }) => answers)).toStrictEqual([[to(20)], []]);
      expect(one.database.answers).toStrictEqual([]);

      const other = observed(makeMemoryCache(), cache);
      expect(await other.history(bob, conversationId, { limit: 20 })).toStrictEqual(cold);
      expect(other.tiers.map(({ answers }) => answers)).toStrictEqual([[[]], [to(20)]]);
      expect(other.database.answers).toStrictEqual([]);

      other.forget();
      expect(await other.history(bob, conversationId, { limit: 20 })).toStrictEqual(cold);
      expect(other.tiers.map(({ answers }) => answers)).toStrictEqual([[to(20)], []]);
    });

    test('a drain is answered by the same tiers', async () => {
      const { bob, conversationId } = await conversationOf(20);
      const one = observed(makeMemoryCache(), cache);
      expect((await drain(world, one.environment, bob.userId)).map(({ seq }) => seq)).toStrictEqual(to(20));
      expect(one.database.answers).toStrictEqual([to(20)]);

      one.forget();
      await one.environment.tiers[0]?.drop(conversationId, 7);
      expect((await drain(world, one.environment, bob.userId)).map(({ seq }) => seq)).toStrictEqual(to(20));

      expect(one.tiers.map(({ answers }) => answers)).toStrictEqual([
        [to(20).filter((seq) => seq !== 7)],
        [[7]],
      ]);
      expect(one.database.answers).toStrictEqual([]);
    });

    test('partly filled: each tier gives what the ones before did not have', async () => {
      const { bob, conversationId, stored } = await conversationOf(12);
      const rows = await stored();
      const memory = makeMemoryCache();
      await memory.put(...rows.filter(({ seq }) => seq >= 9));
      await cache.put(...rows.filter(({ seq }) => seq >= 5));
      const { history, tiers, database } = observed(memory, cache);

      const page = await history(bob, conversationId, { limit: 12 });

      expect(page.map(({ content }) => content)).toStrictEqual(to(12).map((seq) => `message ${seq}`));
      expect(tiers.map(({ answers }) => answers)).toStrictEqual([[[9, 10, 11, 12]], [[5, 6, 7, 8]]]);
      expect(database.answers).toStrictEqual([[1, 2, 3, 4]]);
      expect(tiers.map(({ kept }) => kept)).toStrictEqual([
        [5, 6, 7, 8, 1, 2, 3, 4],
        [1, 2, 3, 4],
      ]);
    });

    test('stale: what was sent since then is read from below', async () => {
      const { bob, conversationId, send } = await conversationOf(5);
      const { history, tiers, database, forget } = observed(makeMemoryCache(), cache);
      await history(bob, conversationId, {});
      await send(6, 8);
      forget();

      const page = await history(bob, conversationId, {});

      expect(page.map(({ seq }) => seq)).toStrictEqual(to(8));
      expect(tiers.map(({ answers }) => answers)).toStrictEqual([[to(5)], [[]]]);
      expect(database.answers).toStrictEqual([[6, 7, 8]]);
    });

    test('only the last 100 of a conversation are kept: what lies before them is read once by one device', async () => {
      const { bob, conversationId } = await conversationOf(130);
      const { environment, history, tiers, database, forget } = observed(makeMemoryCache(), cache);

      expect((await drain(world, environment, bob.userId)).map(({ seq }) => seq)).toStrictEqual(to(130));
      expect(tiers.map(({ kept }) => kept)).toStrictEqual([to(130, 31), to(130, 31)]);

      forget();
      const older = await history(bob, conversationId, { before: 41, limit: 20 });
      expect(older.map(({ seq }) => seq)).toStrictEqual(to(40, 21));
      expect(tiers.map(({ answers }) => answers)).toStrictEqual([[to(40, 31)], [[]]]);
      expect(database.answers).toStrictEqual([to(30, 21)]);
      expect(tiers.map(({ kept }) => kept)).toStrictEqual([to(130, 31), to(130, 31)]);
    });

    test('what does not open is dropped from its tier, also where nothing comes in its place', async () => {
      const { bob, conversationId, stored } = await conversationOf(110);
      const [first] = await stored();
      if (!first) throw new Error('no message');
      const memory = makeMemoryCache();
      for (const tier of [memory, cache]) await tier.put({ ...first, sentAt: first.sentAt + 1 });
      const { history, tiers, database } = observed(memory, cache);

      const page = await history(bob, conversationId, { before: 2 });

      expect(page.map(({ content }) => content)).toStrictEqual(['message 1']);
      expect(database.answers).toStrictEqual([[1]]);
      expect(tiers.map(({ answers, dropped, kept }) => ({ answers, dropped, kept }))).toStrictEqual([
        { answers: [[1]], dropped: [1], kept: [] },
        { answers: [[1]], dropped: [1], kept: [] },
      ]);
      expect(await memory.range(conversationId, 1, 1)).toStrictEqual([]);
      expect(await cache.range(conversationId, 1, 1)).toStrictEqual([]);
    });

    test('whatever stands in the tiers, the answer is the database’s, and nothing false stays where it was found', async () => {
      const { alice, bob, conversationId, stored } = await conversationOf(12);
      const rows = await stored();
      const others = await (await conversationOf(12)).stored();
      const truth = observed();
      const state = fc.constantFrom(...entryStates);
      const place = fc.record({ state, byte: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
      const entries = fc.array(place, { minLength: 12, maxLength: 12 });
      const page = fc.record({
        after: fc.integer({ min: 0, max: 12 }),
        limit: fc.integer({ min: 1, max: 12 }),
      });

      await fc.assert(
        fc.asyncProperty(entries, entries, page, fc.boolean(), async (inMemory, inCache, fields, isAlice) => {
          const memory = makeMemoryCache();
          for (const { seq } of rows) await cache.drop(conversationId, seq);
          for (const [tier, places] of [
            [memory, inMemory],
            [cache, inCache],
          ] as const)
            for (const [index, row] of rows.entries()) {
              const { [index]: other = row } = others;
              const { [(index + 5) % 12]: neighbour = row } = rows;
              const entry = alterEntry(row, neighbour, other, places[index]);
              if (entry) await tier.put(entry);
            }
          const reader = isAlice ? alice : bob;
          const { history } = observed(memory, cache);

          const given = await history(reader, conversationId, fields);

          expect(given).toStrictEqual(await truth.history(reader, conversationId, fields));
          const asked = given.map(({ seq }) => seq);
          const notInMemory = asked.filter((seq) => inMemory[seq - 1]?.state !== 'true');
          for (const [tier, wanted] of [
            [memory, asked],
            [cache, notInMemory],
          ] as const)
            for (const left of await tier.range(conversationId, 1, 12))
              if (wanted.includes(left.seq)) expect(left).toStrictEqual(rows[left.seq - 1]);
        }),
        { numRuns: isReal ? 60 : 150 },
      );
    });

    test('bytes that are no entry, and keys of another kind, are read around and replaced', async () => {
      if (!onServer) return;
      const { bob, conversationId } = await conversationOf(6);
      await observed(cache).history(bob, conversationId, {});
      const recent = `{${conversationId}}:recent:one`;
      await onServer.ask('SET', `{${conversationId}}:m:one:2`, 'nonsense');
      await onServer.ask('ZREMRANGEBYSCORE', recent, 2, 4);
      await onServer.ask('ZADD', recent, 3, 'nonsense');
      await onServer.ask('DEL', `{${conversationId}}:m:one:4`);
      const poisoned = observed(makeMemoryCache(), cache);

      const page = await poisoned.history(bob, conversationId, {});

      expect(page.map(({ content }) => content)).toStrictEqual(to(6).map((seq) => `message ${seq}`));
      expect(poisoned.tiers[1]?.answers).toStrictEqual([[1, 3, 5, 6]]);
      expect(poisoned.database.answers).toStrictEqual([[2, 3, 4]]);

      await onServer.ask('DEL', recent);
      await onServer.ask('SET', recent, 'a string where a sorted set belongs');
      const after = observed(makeMemoryCache(), cache);
      expect(await after.history(bob, conversationId, {})).toStrictEqual(page);
      expect(after.tiers[1]?.answers).toStrictEqual([to(6)]);
      expect(await onServer.ask('TYPE', recent)).not.toStrictEqual(Buffer.from('string'));
    });
  });
});
