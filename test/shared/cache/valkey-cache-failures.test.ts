import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CacheOnServer, openCache, reasonToSkip } from './support/cache-on-server.ts';
import { conversation, message } from './support/doubles.ts';
import { makeTestServer, type ServerKind, type TestServer } from './support/valkey-server.ts';

const kinds: ServerKind[] = ['plain', 'TLS and cluster mode'];

describe.each(kinds)('the Valkey tier when its server fails: %s', (kind) => {
  const reason = reasonToSkip(kind);

  describe.skipIf(reason)(reason || 'against a real server', () => {
    let server: TestServer;
    let cache: CacheOnServer['cache'];
    let clock: CacheOnServer['clock'];
    let telemetry: CacheOnServer['telemetry'];
    let counts: CacheOnServer['counts'];

    beforeAll(async () => {
      server = await makeTestServer(kind);
      await server.start();
    });

    afterAll(async () => {
      await server.remove();
    });

    beforeEach(async () => {
      const opened = await openCache(server);
      ({ cache, clock, telemetry, counts } = opened);
      return opened.close;
    });

    /** Lets the time of the breaker run out until the cache serves again. */
    async function untilServed(): Promise<void> {
      await expect
        .poll(
          async () => {
            clock.advance(30_000);
            await cache.put(message(1));
            await cache.connected();
            const [found] = await cache.range(conversation, 1, 1);
            return found?.seq;
          },
          { timeout: 20_000, interval: 50 },
        )
        .toBe(1);
    }

    it('answers at the limit when the server hangs, leaves it alone, and uses it again', async () => {
      await cache.put(message(1));
      server.pause();
      const hanging = [cache.range(conversation, 1, 1), cache.put(message(2)), cache.drop(conversation, 9)];
      clock.advance(50);
      expect(await Promise.all(hanging)).toEqual([[], undefined, undefined]);
      expect(cache.circuit()).toBe('open');

      counts.roundTrips = 0;
      for (let times = 0; times < 200; times += 1) expect(await cache.range(conversation, 1, 1)).toEqual([]);
      expect(counts.roundTrips).toBe(0);
      expect(counts.connections).toBe(1);

      server.resume();
      await untilServed();
      expect(cache.circuit()).toBe('closed');
      expect(counts.connections).toBe(2);
    });

    it('survives a server that is killed under load, and uses it again when it is back', async () => {
      let turns = 0;
      let served = 0;
      let killed: Promise<void> | undefined;
      async function load(worker: number): Promise<void> {
        for (let turn = 0; turn < 100; turn += 1) {
          const seq = worker * 100 + turn + 1;
          await cache.put(message(seq));
          const found = await cache.range(conversation, seq, seq);
          served += found.length;
          turns += 1;
          if (turns === 500) killed = server.kill();
        }
      }

      // The clock stands still all along: nothing here ends by a time limit.
      await Promise.all(Array.from({ length: 10 }, (_, worker) => load(worker)));
      await killed;

      expect(turns).toBe(1_000);
      expect(served).toBeGreaterThanOrEqual(400);
      expect(served).toBeLessThan(1_000);
      await cache.range(conversation, 1, 1);
      expect(await cache.connected()).toBe(false);
      expect(cache.circuit()).toBe('open');
      expect(counts.connections).toBeLessThanOrEqual(3);
      expect(telemetry.lines().join()).not.toContain('timeout');

      await server.start();
      await untilServed();
      expect(cache.circuit()).toBe('closed');
    });
  });
});
