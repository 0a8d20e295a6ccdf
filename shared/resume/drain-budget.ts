import type { Hold, RateLimiter } from '#shared/limits/rate-limiter.ts';

/** What a drain may send. */
export interface DrainBudget {
  /** Pays for one more page. False once the user's budget is used up, or another long drain is under way; then for good. */
  payPage(): Promise<boolean>;
  /** Lets the next long drain begin. */
  end(): Promise<void>;
}

/** The charge of a `reconnect` pays for so many, and further ones are paid for by so many: a unit for each. */
export const pagesAtOnce = 4;

interface Options {
  readonly limiter: RateLimiter;
  readonly userId: string;
  readonly connectionId: string;
}

/**
 * Pages are paid for as they go out, so that a drain costs what it sends. One that goes beyond the pages of its first
 * charge holds a place among the drains of its connection and of its user. Every `reconnect` gets on by its first pages.
 */
export function makeDrainBudget({ limiter, userId, connectionId }: Options): DrainBudget {
  let paid = pagesAtOnce;
  let isUsedUp = false;
  let place: Hold | undefined;

  async function takePlace(): Promise<boolean> {
    const held = await limiter.hold([
      { limit: 'drainsPerConnection', of: connectionId },
      { limit: 'drainsPerUser', of: userId },
    ]);
    if (held.allowed) place = held;
    return held.allowed;
  }

  async function payMore(): Promise<boolean> {
    if (!place && !(await takePlace())) return false;
    const { allowed } = await limiter.take([{ limit: 'requestsPerUser', of: userId, cost: pagesAtOnce }]);
    return allowed;
  }

  return {
    async payPage() {
      if (paid === 0) {
        isUsedUp ||= !(await payMore());
        if (isUsedUp) return false;
        paid = pagesAtOnce;
      }
      paid -= 1;
      return true;
    },
    end: async () => place?.release(),
  };
}
