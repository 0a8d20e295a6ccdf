export type RateLimitDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterMs: number };

/** Takes from every named budget, or from none of them. */
export interface RateLimiter {
  /** `inTurn`: one after the other, so that what an earlier budget refuses never touches a later one. */
  take(charges: readonly RateLimitCharge[], how?: 'sideBySide' | 'inTurn'): Promise<RateLimitDecision>;
  /** Whether the last answers already tell that nothing is left of one of them: a look at the memory, and no call. */
  lastKnown(charges: readonly RateLimitCharge[]): RateLimitDecision;
}

export interface RateLimitCharge {
  readonly limit:
    | 'messagesPerUser'
    | 'messagesPerAddress'
    | 'requestsPerUser'
    | 'connectionsPerUser'
    | 'connectionsPerAddress';
  /** A user id, or an IP address (which the limiter reduces to /64 for IPv6). */
  readonly of: string;
  /** 1 by default. */
  readonly cost?: number;
}
