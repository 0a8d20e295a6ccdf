import type { RateLimitName } from './rate-limits.ts';

export interface RateLimitRefusal {
  readonly allowed: false;
  readonly retryAfterMs: number;
}

export type RateLimitDecision = { readonly allowed: true } | RateLimitRefusal;

export interface Hold {
  readonly allowed: true;
  /** Never throws: what could not be released refills by itself. */
  release(): Promise<void>;
}

/** Takes from every named budget, or from none of them. */
export interface RateLimiter {
  /** `inTurn`: one after the other, so that what an earlier budget refuses never touches a later one. */
  take(charges: readonly RateLimitCharge[], how?: 'sideBySide' | 'inTurn'): Promise<RateLimitDecision>;
  /**
   * The same for what is held for a while, and then released: what is left by then is given back. It asks the rows and no
   * memory, since others release as well.
   */
  hold(charges: readonly RateLimitCharge[]): Promise<Hold | RateLimitRefusal>;
  /** Whether the last answers already tell that nothing is left of one of them: a look at the memory, and no call. */
  lastKnown(charges: readonly RateLimitCharge[]): RateLimitDecision;
}

export interface RateLimitCharge {
  readonly limit: RateLimitName;
  /** A user id, a connection id, or an IP address (which the limiter reduces to /64 for IPv6). */
  readonly of: string;
  /** 1 by default. */
  readonly cost?: number;
}
