import type { RateLimit } from './rate-limits.ts';

/**
 * The generic cell rate algorithm keeps one number per budget, the theoretical arrival time (tat): the moment at which
 * the budget will be full again. A charge moves it by `increment` from wherever it is, but never from before `now`, and
 * passes if it was not beyond `latest`.
 *
 * All are whole microseconds since the epoch: milliseconds are too coarse for 3 a second, and whole numbers add up
 * to the same sum in every order. They stay exact in a double until the year 2255.
 */
export interface GcraCharge {
  readonly now: number;
  readonly increment: number;
  readonly latest: number;
  /** `latest` for a charge of a single unit. */
  readonly latestForOne: number;
  /** When the budget is full again at the latest, if this charge passes. */
  readonly fullAgainBy: number;
}

/**
 * @param cost units to take, at least 1
 * @param nowMs milliseconds since the epoch
 * @throws RangeError if no wait would ever let the charge through
 */
export function gcraCharge(limit: RateLimit, cost: number, nowMs: number): GcraCharge {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError(`A cost is 1, 2, 3 …, not ${cost}.`);
  if (cost > limit.burst) {
    throw new RangeError(`A cost of ${cost} never fits into a burst of ${limit.burst}: raise the burst.`);
  }
  const now = microseconds(nowMs);
  // Rounded up, so that no more than `refillPerSecond` passes. It is exact for 5, 20 or 50, and 3 in 10 million slow for 3.
  const interval = Math.ceil(1_000_000 / limit.refillPerSecond);
  const fullAgainBy = now + limit.burst * interval;
  return {
    now,
    increment: cost * interval,
    latest: fullAgainBy - cost * interval,
    latestForOne: fullAgainBy - interval,
    fullAgainBy,
  };
}

/**
 * A charge of what has been spent already: it passes wherever the tat is, also beyond a whole burst.
 *
 * @param cost units, at least 1, and more than the burst if need be
 */
export function gcraDebit(limit: RateLimit, cost: number, nowMs: number): GcraCharge {
  const one = gcraCharge(limit, 1, nowMs);
  const increment = cost * one.increment;
  return { ...one, increment, latest: Number.MAX_SAFE_INTEGER, fullAgainBy: one.fullAgainBy + increment };
}

/** How long after `charge.now` the charge passes if nothing else happens, in milliseconds. It passes at once if not above 0. */
export function retryAfterMs(charge: GcraCharge, tat: number): number {
  return Math.ceil((tat - charge.latest) / 1000);
}

/**
 * Whether less than one unit is left. This much may be concluded from an old tat: the true one lies between it and
 * the end of the budget, so the wait that follows from the old one is right to within one refill.
 */
export function isUsedUp(charge: GcraCharge, tat: number): boolean {
  return tat > charge.latestForOne;
}

/**
 * What may be taken back off the tat when a charge that passed is undone `nowMs`, in microseconds, 0 if nothing.
 *
 * The time in between is held back: had the charge never been, the budget might have been full for as long, and gained
 * nothing. Giving that back as well would let more than burst + refill through.
 */
export function refundOf(charge: GcraCharge, nowMs: number): number {
  const elapsed = Math.max(0, microseconds(nowMs) - charge.now);
  return Math.max(0, charge.increment - elapsed);
}

function microseconds(milliseconds: number): number {
  return Math.trunc(milliseconds * 1000);
}
