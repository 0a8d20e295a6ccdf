import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeEntry } from '#shared/cache/message-entry.ts';
import { type CacheOnServer, openCache, reasonToSkip } from './support/cache-on-server.ts';
import { conversation, message, messages, seqs } from './support/doubles.ts';
import { makeTestServer, type ServerKind, type TestServer } from './support/valkey-server.ts';

const kinds: ServerKind[] = ['plain', 'TLS and cluster mode'];
const epoch = 'one';
const recent = `{${conversation}}:recent:${epoch}`;
const entryOf = (seq: number) => `{${conversation}}:m:${epoch}:${seq}`;

describe.each(kinds)('the Valkey tier: %s', (kind) => {
  const reason = reasonToSkip(kind);

  describe.skipIf(reason)(reason || 'against a real server', () => {
    let server: TestServer;
    let cache: CacheOnServer['cache'];
    let telemetry: CacheOnServer['telemetry'];
    let counts: CacheOnServer['counts'];
    let ask: CacheOnServer['ask'];

    beforeAll(async () => {
      server = await makeTestServer(kind);
      await server.start();
    });

    afterAll(async () => {
      await server.remove();
    });

    beforeEach(async () => {
      const opened = await openCache(server);
      ({ cache, telemetry, counts, ask } = opened);
      return opened.close;
    });

    async function allKeys(): Promise<string[]> {
      const reply = await ask('KEYS', '*');
      return Array.isArray(reply) ? reply.map(String) : [];
    }

    it('finds nothing of another life of the data, and leaves it in its place', async () => {
      const [kept, other] = [messages(1, 2), message(1, { clientMessageId: 'another' })];
      await cache.put(...kept);
      const { cache: later, close } = await openCache(server, { epoch: 'two', emptied: false });
      try {
        expect(await later.range(conversation, 1, 9)).toEqual([]);
        await later.put(other);
        await later.drop(conversation, 2);

        expect(await later.range(conversation, 1, 9)).toEqual([other]);
        expect(seqs(await cache.range(conversation, 1, 9))).toEqual([1, 2]);
        expect(await cache.range(conversation, 1, 1)).toEqual(kept.slice(0, 1));
      } finally {
        close();
      }
    });

    it('gives back what it was given, each in one round trip', async () => {
      const given = [...messages(1, 9), message(10, { clientMessageId: 'ten' })];
      for (const one of given) await cache.put(one);
      expect(counts.roundTrips).toBe(10);

      const found = await cache.range(conversation, 3, 10);

      expect(found.sort((one, other) => one.seq - other.seq)).toEqual(given.slice(2));
      expect(counts.roundTrips).toBe(11);
    });

    it('finds the single entries of what has left the last 100, in a second round trip', async () => {
      for (const one of messages(1, 130)) await cache.put(one);
      counts.roundTrips = 0;

      expect(seqs(await cache.range(conversation, 25, 40))).toEqual(seqs(messages(25, 40)));
      expect(counts.roundTrips).toBe(2);
      expect(await ask('ZCARD', recent)).toBe(100);
      expect(await ask('ZCOUNT', recent, 31, 130)).toBe(100);
    });

    it('gives what it has where something is missing', async () => {
      for (const seq of [2, 5, 6]) await cache.put(message(seq));
      await ask('ZREM', recent, encodeEntry(message(2)) ?? '');
      await ask('ZREMRANGEBYSCORE', recent, 5, 5);

      expect(seqs(await cache.range(conversation, 1, 8))).toEqual([2, 5, 6]);
      expect(await cache.range('A'.repeat(43), 1, 8)).toEqual([]);
      expect(await cache.range(conversation, 8, 1)).toEqual([]);
    });

    it('looks for 100 single entries at most, the lowest, in however wide a range', async () => {
      for (const one of messages(1, 250)) await cache.put(one);
      counts.roundTrips = 0;

      const found = seqs(await cache.range(conversation, 1, 1_000_000));

      expect(found).toEqual([...seqs(messages(1, 100)), ...seqs(messages(151, 250))]);
      expect(counts.roundTrips).toBe(2);
    });

    it('lets every key expire within the hour', async () => {
      for (const one of messages(1, 120)) await cache.put(one);
      await cache.put(message(1, { conversationId: 'another' }));
      await cache.drop(conversation, 120);
      await cache.range(conversation, 1, 120);

      const keys = await allKeys();
      const lives = await Promise.all(keys.map(async (key) => Number(await ask('TTL', key))));

      expect(keys).toHaveLength(122);
      expect(Math.min(...lives)).toBeGreaterThan(3_500);
      expect(Math.max(...lives)).toBeLessThanOrEqual(3_600);
    });

    it('puts all keys of a conversation into one slot', async () => {
      for (const one of messages(1, 30)) await cache.put(one);

      const slots = await Promise.all((await allKeys()).map((key) => slotOf(key)));

      expect(slots).toHaveLength(31);
      expect(new Set(slots).size).toBe(1);
    });

    /** A server without cluster mode does not tell; its keys then only have to show the hash tag. */
    async function slotOf(key: string): Promise<unknown> {
      return kind === 'plain' ? /\{(.+?)\}/.exec(key)?.[1] : await ask('CLUSTER', 'KEYSLOT', key);
    }

    it('holds no second entry of a message that was put again', async () => {
      await cache.put(message(1));
      const again = message(1);
      await cache.put(again);

      expect(await ask('ZCARD', recent)).toBe(1);
      expect(await cache.range(conversation, 1, 1)).toEqual([again]);
    });

    it('drops an entry from both of its places', async () => {
      for (const one of messages(1, 3)) await cache.put(one);
      await cache.drop(conversation, 2);

      expect(seqs(await cache.range(conversation, 1, 3))).toEqual([1, 3]);
      expect(await ask('EXISTS', entryOf(2))).toBe(0);
    });

    it('treats what does not belong as absent, and removes it', async () => {
      const original = messages(1, 6);
      for (const one of original) await cache.put(one);
      const valid = (seq: number) => encodeEntry(message(seq)) ?? '';
      const alien = encodeEntry(message(5, { conversationId: 'another' })) ?? '';
      // 2: not an entry. 3: the entry of another seq. 5: of another conversation. 6: cut off.
      for (const [seq, poison] of [
        [2, 'garbage'],
        [3, valid(4)],
        [5, alien],
        [6, valid(6).slice(0, 40)],
      ] as const) {
        await ask('SET', entryOf(seq), poison, 'EX', 60);
        await ask('ZREMRANGEBYSCORE', recent, seq, seq);
        await ask('ZADD', recent, seq, poison);
      }

      expect(seqs(await cache.range(conversation, 1, 6))).toEqual([1, 4]);
      expect(telemetry.counts.get('CachePoisoned')).toBe(8);
      expect(await ask('ZCARD', recent)).toBe(2);
      expect(await ask('EXISTS', entryOf(2), entryOf(3), entryOf(5), entryOf(6))).toBe(0);
      for (const one of original) await cache.put(one);
      expect(seqs(await cache.range(conversation, 1, 6))).toEqual([1, 2, 3, 4, 5, 6]);
      expect(cache.circuit()).toBe('closed');
    });

    it.each([
      ['put', () => cache.put(message(1))],
      ['range', () => cache.range(conversation, 1, 2)],
      ['drop', () => cache.drop(conversation, 1)],
    ])('removes a key of a foreign type at a %s, and goes on', async (_, operation) => {
      await ask('SET', recent, 'not a sorted set');
      await ask('LPUSH', entryOf(2), 'not a string');
      for (let times = 0; times < 5; times += 1) await operation();
      for (const one of messages(1, 2)) await cache.put(one);

      expect(seqs(await cache.range(conversation, 1, 2))).toEqual([1, 2]);
      expect(cache.circuit()).toBe('closed');
    });

    it('does not touch a conversation whose id would break the hash tag', async () => {
      await cache.put(message(1, { conversationId: 'a}b' }));
      await cache.drop('a}b', 1);

      expect(await cache.range('a}b', 1, 1)).toEqual([]);
      expect(counts.roundTrips).toBe(0);
    });

    it('takes a page of the largest messages in one round trip', async () => {
      const page = Array.from({ length: 100 }, (_, index) =>
        message(index + 1, { ciphertext: new Uint8Array(16_384 + 45).fill(index) }),
      );
      await cache.put(...page);

      expect(await cache.range(conversation, 1, 100)).toHaveLength(100);
    });
  });
});
