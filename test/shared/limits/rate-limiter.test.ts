import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import { type RateLimitBench, startOfTests, startRateLimitBench, takeMany } from './rate-limiter-support.ts';

let bench: RateLimitBench;

beforeAll(async () => {
  bench = await startRateLimitBench();
});

afterAll(async () => {
  await bench?.stop();
});

describe('in parallel, with a clock that stands still', () => {
  it.each([
    [50, 1],
    [200, 1],
    [50, 5],
    [200, 20],
    [50, 50],
  ])('exactly the burst of %i passes through %i environments', async (requests, environments) => {
    const { limiters, clock } = bench.prepare({ environments });
    const charges: RateLimitCharge[] = [{ limit: 'messagesPerUser', of: bench.newUser() }];
    expect(await takeMany(limiters, charges, requests)).toBe(10);

    clock.advance(500);
    expect(await takeMany(limiters, charges, requests)).toBe(2);
  });

  it('a weighted burst is shared out by cost', async () => {
    const { limiters } = bench.prepare({ environments: 8 });
    const charges: RateLimitCharge[] = [{ limit: 'messagesPerUser', of: bench.newUser(), cost: 3 }];
    expect(await takeMany(limiters, charges, 40)).toBe(3);
  });

  it('two budgets together pass no more than the smaller one, and the larger one pays for no refusal', async () => {
    const { limiters } = bench.prepare({ environments: 10 });
    const [user, address] = [bench.newUser(), bench.newAddress()];
    const charges: RateLimitCharge[] = [
      { limit: 'messagesPerUser', of: user },
      { limit: 'messagesPerAddress', of: address },
    ];
    const passed = await takeMany(limiters, charges, 60);
    expect(passed).toBeLessThanOrEqual(10);
    const { limiter } = bench.prepare();
    expect(await takeMany([limiter], [{ limit: 'messagesPerAddress', of: address }], 30)).toBe(12 - passed);
    expect(await takeMany([limiter], [{ limit: 'messagesPerUser', of: user }], 30)).toBe(10 - passed);
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['messagesPerUser', 1],
    ['messagesPerUser', 7],
    ['messagesPerAddress', 1],
    ['messagesPerAddress', 2],
  ] as const)('of %s, cost %i: not a millisecond earlier', async (limit, cost) => {
    const of = limit === 'messagesPerUser' ? bench.newUser() : bench.newAddress();
    const { limiter, limiters, clock } = bench.prepare({ environments: 2 });
    const charges: RateLimitCharge[] = [{ limit, of, cost }];
    await takeMany(limiters, [{ limit, of }], 12);
    clock.advance(17);
    const refused = await limiter.take(charges);
    if (refused.allowed) throw new Error('It should have been refused.');

    clock.advance(refused.retryAfterMs - 1);
    for (const other of limiters)
      expect(await other.take(charges)).toEqual({ allowed: false, retryAfterMs: 1 });
    clock.advance(1);
    expect(await limiter.take(charges)).toEqual({ allowed: true });
    expect(await limiter.take(charges)).toMatchObject({ allowed: false });
  });

  it('is that of the limit that takes longest', async () => {
    const { limiters, limiter } = bench.prepare({ environments: 3 });
    const charges: RateLimitCharge[] = [
      { limit: 'messagesPerUser', of: bench.newUser(), cost: 10 },
      { limit: 'messagesPerAddress', of: bench.newAddress(), cost: 12 },
    ];
    await limiter.take(charges);
    for (const each of limiters)
      expect(await each.take(charges)).toEqual({ allowed: false, retryAfterMs: 4001 });
  });
});

describe('keys', () => {
  it('are apart for each limit, user and address', async () => {
    const { limiter } = bench.prepare();
    const name = bench.newUser();
    const all: RateLimitCharge[] = [
      { limit: 'messagesPerUser', of: name, cost: 10 },
      { limit: 'requestsPerUser', of: name, cost: 100 },
      { limit: 'messagesPerUser', of: bench.newUser(), cost: 10 },
      { limit: 'messagesPerAddress', of: '198.51.100.1', cost: 12 },
      { limit: 'connectionsPerAddress', of: '198.51.100.1', cost: 100 },
    ];
    for (const charge of all) expect(await limiter.take([charge])).toEqual({ allowed: true });
  });

  it('are one for a /64 of IPv6, and for IPv4 in either notation', async () => {
    const { limiter } = bench.prepare();
    const take = async (of: string, cost = 12) => {
      const decision = await limiter.take([{ limit: 'messagesPerAddress', of, cost }]);
      return decision.allowed;
    };
    expect(await take('2001:db8:7:1::1')).toBe(true);
    expect(await take('2001:0DB8:0007:0001:ffff::', 1)).toBe(false);
    expect(await take('2001:db8:7:2::1')).toBe(true);
    expect(await take('198.51.100.2')).toBe(true);
    expect(await take('::ffff:198.51.100.2', 1)).toBe(false);
    expect(await take('no address')).toBe(true);
    expect(await take('no address either', 1)).toBe(false);
  });

  it('have rows that outlive the time to refill, and expire', async () => {
    const { limiter } = bench.prepare();
    const of = bench.newUser();
    const fullAgain = (startOfTests + 2500) / 1000;
    for (let i = 0; i < 2; i++) {
      await limiter.take([{ limit: 'messagesPerUser', of }]);
      expect((await bench.messagesRow(of))?.ttl).toBe(Math.ceil(fullAgain) + 60);
    }
  });
});

describe('take', () => {
  it('allows a request that is charged for nothing', async () => {
    const { limiter, store } = bench.prepare();
    expect(await limiter.take([])).toEqual({ allowed: true });
    expect(store.calls).toBe(0);
  });

  it('throws for a cost that can never pass, before anything is charged', async () => {
    const { limiter, store } = bench.prepare();
    const taken = limiter.take([
      { limit: 'messagesPerUser', of: bench.newUser() },
      { limit: 'messagesPerAddress', of: bench.newAddress(), cost: 13 },
    ]);
    await expect(taken).rejects.toThrow('A cost of 13 never fits into a burst of 12');
    expect(store.calls).toBe(0);
  });
});
