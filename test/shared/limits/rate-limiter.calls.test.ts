import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RateLimitCharge, RateLimiter } from '#shared/limits/rate-limiter.ts';
import {
  type RateLimitBench,
  type RateLimitStore,
  startOfTests,
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

describe('calls to DynamoDB', () => {
  it('are one when idle, two at the start of a burst that others began, and one within it', async () => {
    const { limiter, store, clock, limiters } = bench.prepare({ environments: 2 });
    const charges: RateLimitCharge[] = [{ limit: 'messagesPerUser', of: bench.newUser() }];
    const callsOf = async (each: RateLimiter | undefined) => {
      const before = store.calls;
      await each?.take(charges);
      return store.calls - before;
    };
    const [, other] = limiters;
    expect(await callsOf(limiter)).toBe(1);
    expect(await callsOf(limiter)).toBe(1);
    expect(await callsOf(other)).toBe(2);
    expect(await callsOf(other)).toBe(1);
    clock.advance(2500);
    expect(await callsOf(limiter)).toBe(1);
    clock.advance(100);
    expect(await callsOf(other)).toBe(2);
  });

  it('are two at most in a burst of 100 side by side', async () => {
    const { limiters, store } = bench.prepare({ environments: 100 });
    expect(await takeMany(limiters, [{ limit: 'messagesPerUser', of: bench.newUser() }], 100)).toBe(10);
    expect(store.calls).toBeLessThanOrEqual(200);
  });

  it('are none while a refusal is known to hold, so that a flood costs nothing', async () => {
    const { limiter, store, clock } = bench.prepare();
    const [of, address] = [bench.newUser(), bench.newAddress()];
    const charges: RateLimitCharge[] = [
      { limit: 'messagesPerUser', of },
      { limit: 'messagesPerAddress', of: address },
    ];
    for (let i = 0; i < 11; i++) await limiter.take(charges);
    const before = store.calls;
    for (let i = 0; i < 249; i++) {
      expect(await limiter.take(charges)).toEqual({ allowed: false, retryAfterMs: 250 - i });
      clock.advance(1);
    }
    expect(store.calls).toBe(before);
    clock.advance(1);
    expect(await limiter.take(charges)).toEqual({ allowed: true });
  });

  it('come to an end when each update finds the row changed', async () => {
    let tat = 0;
    const flickering: RateLimitStore = {
      send: async (command) => {
        const forFullBudget = command.input.ExpressionAttributeValues?.[':tat'] !== undefined;
        tat = forFullBudget ? startOfTests * 1000 + 1 : 0;
        throw new ConditionalCheckFailedException({
          message: '',
          $metadata: {},
          Item: { tat: { N: String(tat) } },
        });
      },
    };
    const { limiter, store, telemetry } = bench.prepare({ store: flickering });
    const decision = await limiter.take([{ limit: 'messagesPerUser', of: bench.newUser() }]);
    expect(decision).toEqual({ allowed: false, retryAfterMs: 1 });
    expect(store.calls).toBe(4);
    expect(telemetry.counts).toEqual({ RateLimiterContention: 1 });
  });
});
