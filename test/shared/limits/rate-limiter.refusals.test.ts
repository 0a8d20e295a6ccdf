import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import { RateLimiterUnavailable } from '#shared/limits/rate-limits.ts';
import {
  type RateLimitBench,
  type RateLimitStore,
  startRateLimitBench,
  takeMany,
} from './rate-limiter-support.ts';

let bench: RateLimitBench;

beforeAll(async () => {
  bench = await startRateLimitBench();
});

afterAll(async () => {
  await bench?.stop();
});

describe('a refused request', () => {
  it('gives back what its other limits had granted', async () => {
    const { limiters, limiter } = bench.prepare({ environments: 5 });
    const [user, address] = [bench.newUser(), bench.newAddress()];
    const byAddress: RateLimitCharge = { limit: 'messagesPerAddress', of: address };
    await limiter.take([{ ...byAddress, cost: 12 }]);
    for (const each of limiters) {
      const decision = await each.take([{ limit: 'messagesPerUser', of: user, cost: 4 }, byAddress]);
      expect(decision).toEqual({ allowed: false, retryAfterMs: 334 });
    }
    expect(await takeMany([limiter], [{ limit: 'messagesPerUser', of: user }], 20)).toBe(10);
  });

  it('never keeps its own repetition out, however long it took', async () => {
    const { clock, limiter: first } = bench.prepare();
    const slowly: RateLimitStore = {
      send: async (command) => {
        clock.advance(130);
        return await bench.store.send(command);
      },
    };
    const { limiter: slow } = bench.prepare({ clock, store: slowly });
    const [user, address] = [bench.newUser(), bench.newAddress()];
    const charges: RateLimitCharge[] = [
      { limit: 'messagesPerUser', of: user },
      { limit: 'messagesPerAddress', of: address },
    ];
    await first.take([{ limit: 'messagesPerUser', of: user, cost: 9 }]);
    await first.take([{ limit: 'messagesPerAddress', of: address, cost: 12 }]);
    const refused = await slow.take(charges);
    if (refused.allowed) throw new Error('It should have been refused.');
    clock.advance(refused.retryAfterMs);
    expect(await first.take(charges)).toEqual({ allowed: true });
  });

  it('gives back nothing that time has given back already', async () => {
    const answers = Promise.withResolvers<void>();
    const slowForAddresses: RateLimitStore = {
      send: async (command) => {
        if (String(command.input.Key?.key).startsWith('ip#')) await answers.promise;
        return await bench.store.send(command);
      },
    };
    const { limiter, clock, limiters } = bench.prepare({ store: slowForAddresses, environments: 2 });
    const [, other] = limiters;
    const byUser: RateLimitCharge = { limit: 'messagesPerUser', of: bench.newUser() };
    const byAddress: RateLimitCharge = { limit: 'messagesPerAddress', of: bench.newAddress() };
    const { limiter: quick } = bench.prepare();
    await quick.take([{ ...byAddress, cost: 12 }]);

    const refused = limiter.take([{ ...byUser, cost: 9 }, byAddress]);
    await expect.poll(async () => await bench.messagesRow(byUser.of), { timeout: 20_000 }).toBeDefined();
    clock.advance(2000);
    expect(await other?.take([byUser])).toEqual({ allowed: true });
    answers.resolve();
    expect(await refused).toMatchObject({ allowed: false });
    expect(await takeMany(limiters, [byUser], 30)).toBe(9);
  });

  it('costs its own charge where the give-back fails, which is counted', async () => {
    const failing: RateLimitStore = {
      send: async (command) => {
        if (command.input.UpdateExpression?.includes(' - ')) throw new Error('Out of reach');
        return await bench.store.send(command);
      },
    };
    const { limiter, telemetry } = bench.prepare({ store: failing });
    const { limiter: other } = bench.prepare();
    const [user, address] = [bench.newUser(), bench.newAddress()];
    await other.take([{ limit: 'messagesPerAddress', of: address, cost: 12 }]);
    const decision = await limiter.take([
      { limit: 'messagesPerUser', of: user },
      { limit: 'messagesPerAddress', of: address },
    ]);
    expect(decision).toEqual({ allowed: false, retryAfterMs: 334 });
    expect(telemetry.counts).toEqual({ RateLimiterGiveBackFailed: 1 });
    expect(await takeMany([other], [{ limit: 'messagesPerUser', of: user }], 20)).toBe(9);
  });
});

describe('when DynamoDB fails', () => {
  const outage = new Error('Out of reach');
  const failing: RateLimitStore = {
    send: async () => {
      throw outage;
    },
  };

  it.each(['messagesPerAddress', 'requestsPerUser', 'connectionsPerUser', 'connectionsPerAddress'] as const)(
    '%s lets through and counts',
    async (limit) => {
      const { limiter, telemetry } = bench.prepare({ store: failing });
      expect(await limiter.take([{ limit, of: '198.51.100.3' }])).toEqual({ allowed: true });
      expect(telemetry.counts).toEqual({ RateLimiterFailedOpen: 1 });
    },
  );

  it('messagesPerUser lets nothing through, names itself and the cause', async () => {
    const { limiter, telemetry } = bench.prepare({ store: failing });
    const error = await limiter.take([{ limit: 'messagesPerUser', of: 'alice' }]).catch((reason) => reason);
    expect(error).toBeInstanceOf(RateLimiterUnavailable);
    expect(error).toMatchObject({ limit: 'messagesPerUser', cause: outage });
    expect(telemetry.counts).toEqual({ RateLimiterFailedClosed: 1 });
  });

  it('what other limits had granted is given back before it throws', async () => {
    const halfFailing: RateLimitStore = {
      send: async (command) => {
        if (String(command.input.Key?.key).startsWith('user#')) throw outage;
        return await bench.store.send(command);
      },
    };
    const { limiter } = bench.prepare({ store: halfFailing });
    const address = bench.newAddress();
    const byAddress: RateLimitCharge = { limit: 'messagesPerAddress', of: address };
    const taken = limiter.take([
      { limit: 'messagesPerUser', of: 'alice' },
      { ...byAddress, cost: 5 },
    ]);
    await expect(taken).rejects.toBeInstanceOf(RateLimiterUnavailable);
    expect(await takeMany([limiter], [byAddress], 30)).toBe(12);
  });

  it('a refusal of another limit is the answer, for it says how long to wait', async () => {
    const { limiter: other } = bench.prepare();
    const byAddress: RateLimitCharge = { limit: 'messagesPerAddress', of: bench.newAddress() };
    await other.take([{ ...byAddress, cost: 12 }]);
    const halfFailing: RateLimitStore = {
      send: async (command) => {
        if (String(command.input.Key?.key).startsWith('user#')) throw outage;
        return await bench.store.send(command);
      },
    };
    const { limiter } = bench.prepare({ store: halfFailing });
    const decision = await limiter.take([{ limit: 'messagesPerUser', of: 'alice' }, byAddress]);
    expect(decision).toEqual({ allowed: false, retryAfterMs: 334 });
  });
});
