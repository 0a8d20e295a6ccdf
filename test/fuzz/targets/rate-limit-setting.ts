import { gcraCharge } from '#shared/limits/gcra.ts';
import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { defaultRateLimits, type RateLimits } from '#shared/limits/rate-limits.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

/** The setting RATE_LIMITS: limits that let the heaviest request through and stay exact, or an error that says what to write. */
export const target: FuzzTarget = {
  files: ['shared/limits/rate-limit-settings.ts', 'shared/limits/gcra.ts'],
  seeds: [
    '{"messagesPerUser":{"burst":60,"refillPerSecond":10}}',
    '{"requestsPerUser":{"burst":21},"connectionsPerAddress":{"refillPerSecond":0.5}}',
    '{"messagesPerAddress":{}}',
    '',
  ],
  words: [
    ...[
      '"messagesPerUser":',
      '"messagesPerAddress":',
      '"requestsPerUser":',
      '"connectionsPerUser":',
      '"connectionsPerAddress":',
    ],
    ...['"burst":', '"refillPerSecond":', '"whenStoreFails":', '"__proto__":', '{', '}', ','],
  ],
  run(input) {
    const limits = limitsOf(textOf(input));
    if (limits === undefined) return;
    const expected = Object.entries(defaultRateLimits);
    hold(Object.keys(limits).length === expected.length, 'limits that are none');
    for (const [name, { keyPrefix, whenStoreFails }] of expected) {
      const limit = limits[name as keyof RateLimits];
      hold(
        limit.keyPrefix === keyPrefix && limit.whenStoreFails === whenStoreFails,
        `another kind of ${name}`,
      );
      const charge = gcraCharge(limit, limit.heaviestCost, Date.UTC(2100, 0));
      hold(Object.values(charge).every(Number.isSafeInteger), `${name} is not exact`);
    }
  },
};

function limitsOf(text: string): RateLimits | undefined {
  try {
    return parseRateLimits(text);
  } catch (error) {
    hold(error instanceof Error && error.message.startsWith('RATE_LIMITS: '), `a defect: ${error}`);
    return undefined;
  }
}
