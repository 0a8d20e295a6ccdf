import type { RateLimitCharge, RateLimitDecision } from '#shared/limits/rate-limiter.ts';
import type { RateLimits } from '#shared/limits/rate-limits.ts';
import type { Clock } from '#shared/runtime/clock.ts';

/** What the limiter is to be like: token buckets in plain memory, one request after the other. Addresses are IPv4. */
export function makeReferenceLimiter(limits: RateLimits, clock: Clock) {
  /** Units of a microsecond's refill each, so that the sums are exact. */
  const buckets = new Map<string, { level: number; at: number }>();

  function bucketOf({ limit, of, cost = 1 }: RateLimitCharge) {
    const unit = Math.ceil(1_000_000 / limits[limit].refillPerSecond);
    const capacity = limits[limit].burst * unit;
    const key = `${limit} ${of}`;
    const { level, at } = buckets.get(key) ?? { level: capacity, at: 0 };
    const now = clock.now() * 1000;
    return { key, level: Math.min(capacity, level + now - at), needed: cost * unit, now };
  }

  return {
    take(charges: readonly RateLimitCharge[]): RateLimitDecision {
      const found = charges.map(bucketOf);
      const wait = Math.max(0, ...found.map(({ level, needed }) => Math.ceil((needed - level) / 1000)));
      if (wait > 0) return { allowed: false, retryAfterMs: wait };
      for (const { key, level, needed, now } of found) buckets.set(key, { level: level - needed, at: now });
      return { allowed: true };
    },
  };
}
