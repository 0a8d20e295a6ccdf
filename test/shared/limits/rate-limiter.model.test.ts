import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import { type RateLimitBench, smallLimits, startRateLimitBench } from './rate-limiter-support.ts';
import { makeReferenceLimiter } from './reference-rate-limiter.ts';

let bench: RateLimitBench;

beforeAll(async () => {
  bench = await startRateLimitBench();
});

afterAll(async () => {
  await bench?.stop();
});

describe('take', () => {
  it('decides as a plain GCRA in memory does', async () => {
    const step = fc.record({
      user: fc.constantFrom('a', 'b'),
      address: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
      cost: fc.integer({ min: 1, max: 10 }),
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 3000 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const { limiter, clock } = bench.prepare();
        const reference = makeReferenceLimiter(smallLimits, clock);
        const [prefix, addresses] = [
          bench.newUser(),
          [bench.newAddress(), bench.newAddress(), bench.newAddress()],
        ];
        for (const { user, address, cost, pause } of steps) {
          clock.advance(pause);
          const of = addresses[address ?? 0] ?? '';
          const byAddress: RateLimitCharge[] =
            address === undefined ? [] : [{ limit: 'messagesPerAddress', of, cost }];
          const charges: RateLimitCharge[] = [
            { limit: 'messagesPerUser', of: `${prefix}-${user}`, cost },
            ...byAddress,
          ];
          expect(await limiter.take(charges)).toEqual(reference.take(charges));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('decides in several environments as in one', async () => {
    const step = fc.record({
      environment: fc.integer({ min: 0, max: 2 }),
      cost: fc.integer({ min: 1, max: 10 }),
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const { limiters, clock } = bench.prepare({ environments: 3 });
        const reference = makeReferenceLimiter(smallLimits, clock);
        const of = bench.newUser();
        for (const { environment, cost, pause } of steps) {
          clock.advance(pause);
          const charges: RateLimitCharge[] = [{ limit: 'messagesPerUser', of, cost }];
          expect(await limiters[environment]?.take(charges)).toEqual(reference.take(charges));
        }
      }),
      { numRuns: 40 },
    );
  });
});
