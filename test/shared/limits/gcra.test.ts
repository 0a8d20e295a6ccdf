import { describe, expect, it } from 'vitest';
import { gcraCharge, isUsedUp, refundOf, retryAfterMs } from '#shared/limits/gcra.ts';
import { defaultRateLimits } from '#shared/limits/rate-limits.ts';

const limit = { ...defaultRateLimits.messagesPerUser, burst: 10, refillPerSecond: 4 };
const nowMs = Date.UTC(2026, 0, 15);
const now = nowMs * 1000;

describe('gcraCharge', () => {
  it('counts in microseconds', () => {
    expect(gcraCharge(limit, 3, nowMs)).toEqual({
      now,
      increment: 750_000,
      latest: now + 1_750_000,
      latestForOne: now + 2_250_000,
      fullAgainBy: now + 2_500_000,
    });
  });

  it('never refills faster than the limit says where the interval is no whole number of microseconds', () => {
    const { increment } = gcraCharge({ ...limit, refillPerSecond: 3 }, 1, nowMs);
    expect(increment).toBe(333_334);
  });

  it('stays exact with the largest settings', () => {
    const { fullAgainBy } = gcraCharge({ ...limit, burst: 1_000_000, refillPerSecond: 100_000 }, 1, nowMs);
    expect(fullAgainBy).toBe(now + 10_000_000);
    expect(Number.isSafeInteger(fullAgainBy)).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a cost of %d', (cost) => {
    expect(() => gcraCharge(limit, cost, nowMs)).toThrow(RangeError);
  });

  it('refuses a cost that could never pass', () => {
    expect(() => gcraCharge(limit, 11, nowMs)).toThrow('A cost of 11 never fits into a burst of 10');
    expect(gcraCharge(limit, 10, nowMs).latest).toBe(now);
  });
});

describe('retryAfterMs', () => {
  const charge = gcraCharge(limit, 1, nowMs);

  it.each([
    [0, 0],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [250_000, 250],
  ])('of a tat %i µs too late is %i ms', (late, wait) => {
    expect(retryAfterMs(charge, charge.latest + late)).toBe(wait);
  });

  it('is not above 0 for a charge that passes', () => {
    expect(retryAfterMs(charge, 0)).toBeLessThanOrEqual(0);
  });
});

describe('isUsedUp', () => {
  it('asks for a single unit, whatever the charge takes', () => {
    const charge = gcraCharge(limit, 5, nowMs);
    expect(isUsedUp(charge, now + 2_250_000)).toBe(false);
    expect(isUsedUp(charge, now + 2_250_001)).toBe(true);
  });
});

describe('refundOf', () => {
  const charge = gcraCharge(limit, 2, nowMs);

  it.each([
    [0, 500_000],
    [1, 499_000],
    [500, 0],
    [9000, 0],
    [-20, 500_000],
  ])('after %i ms is %i µs', (elapsed, refund) => {
    expect(refundOf(charge, nowMs + elapsed)).toBe(refund);
  });
});
