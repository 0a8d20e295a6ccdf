import { describe, expect, it } from 'vitest';
import { defaultRateLimits, requestCost } from '#shared/limits/rate-limits.ts';

describe('defaultRateLimits', () => {
  it('has the numbers that the documentation promises', () => {
    const numbers = Object.entries(defaultRateLimits).map(
      ([name, { burst, refillPerSecond, whenStoreFails }]) => [name, burst, refillPerSecond, whenStoreFails],
    );
    expect(numbers).toEqual([
      ['messagesPerUser', 30, 5, 'closed'],
      ['messagesPerAddress', 300, 50, 'open'],
      ['requestsPerUser', 100, 20, 'open'],
      ['connectionsPerUser', 30, 0.5, 'open'],
      ['drainsPerConnection', 1, 0.04, 'open'],
      ['drainsPerUser', 3, 0.04, 'open'],
      ['connectionsPerAddress', 100, 5, 'open'],
    ]);
  });

  it('keeps the rows of any two limits apart', () => {
    const prefixes = Object.values(defaultRateLimits).map(({ keyPrefix }) => keyPrefix);
    for (const prefix of prefixes) {
      expect(prefixes.filter((other) => other.startsWith(prefix))).toEqual([prefix]);
    }
  });

  it('lets the heaviest request through', () => {
    for (const { burst, heaviestCost } of Object.values(defaultRateLimits)) {
      expect(burst).toBeGreaterThanOrEqual(heaviestCost);
    }
    expect(requestCost(500)).toBe(defaultRateLimits.requestsPerUser.heaviestCost);
    expect(requestCost(0, 100)).toBe(defaultRateLimits.requestsPerUser.heaviestCost);
  });
});

describe('requestCost', () => {
  it.each([
    [0, 0, 1],
    [1, 1, 1],
    [24, 4, 1],
    [25, 0, 2],
    [0, 5, 2],
    [100, 0, 5],
    [50, 10, 5],
  ])('of %i rows read and %i written is %3$i', (read, written, cost) => {
    expect(requestCost(read, written)).toBe(cost);
  });
});
