import { DependencyFailure } from '#shared/runtime/failures.ts';

/** A budget that each user, address or connection has: `burst` units at most, refilled steadily. */
export interface RateLimit {
  /** What the keys of its rows begin with; no two limits share one. */
  readonly keyPrefix: string;
  readonly per: 'user' | 'address' | 'connection';
  /** Units that pass at once after a rest. */
  readonly burst: number;
  readonly refillPerSecond: number;
  /** Units that the heaviest single request takes. A smaller burst would refuse it for ever. */
  readonly heaviestCost: number;
  /** What happens to a request while the table of rate limits cannot be had. */
  readonly whenStoreFails: 'open' | 'closed';
}

/** What Lambda lets a `reconnect` take. */
const longestDrainSeconds = 25;
const rowsReadPerUnit = 25;
const rowsWrittenPerUnit = 5;

/** 500 positions of a `reconnect` and 100 of an `ack` come to the same. */
const heaviestRequestCost = requestCost(500);

export const defaultRateLimits = {
  messagesPerUser: {
    keyPrefix: 'user#messages#',
    per: 'user',
    burst: 30,
    refillPerSecond: 5,
    heaviestCost: 1,
    // A message is kept for ever and paid for. Without DynamoDB it could not be stored either, so refusing loses nothing.
    whenStoreFails: 'closed',
  },
  messagesPerAddress: {
    keyPrefix: 'ip#messages#',
    per: 'address',
    burst: 300,
    refillPerSecond: 50,
    heaviestCost: 1,
    // A second line behind the limit per user. An address can be a whole office, which one bad row should not silence.
    whenStoreFails: 'open',
  },
  requestsPerUser: {
    keyPrefix: 'user#requests#',
    per: 'user',
    burst: 100,
    refillPerSecond: 20,
    heaviestCost: heaviestRequestCost,
    // Catching up is what everybody needs after trouble, and it adds nothing that has to be kept.
    whenStoreFails: 'open',
  },
  connectionsPerUser: {
    keyPrefix: 'user#connections#',
    per: 'user',
    burst: 30,
    refillPerSecond: 0.5,
    heaviestCost: 1,
    // As for the address. It is a tenth of that one, so that no account alone can use it up.
    whenStoreFails: 'open',
  },
  drainsPerConnection: {
    keyPrefix: 'connection#drains#',
    per: 'connection',
    burst: 1,
    refillPerSecond: 1 / longestDrainSeconds,
    heaviestCost: 1,
    whenStoreFails: 'open',
  },
  drainsPerUser: {
    keyPrefix: 'user#drains#',
    per: 'user',
    // Held while a drain goes on, and given back: so many at once. One whose function died comes back by itself.
    burst: 3,
    refillPerSecond: 1 / longestDrainSeconds,
    heaviestCost: 1,
    // Pages are charged as well, so that this is no more than a second line.
    whenStoreFails: 'open',
  },
  connectionsPerAddress: {
    keyPrefix: 'ip#connections#',
    per: 'address',
    burst: 100,
    refillPerSecond: 5,
    heaviestCost: 1,
    // The token has been verified before. Refusing would lock everybody out just when everybody reconnects.
    whenStoreFails: 'open',
  },
} as const satisfies Record<string, RateLimit>;

export type RateLimitName = keyof typeof defaultRateLimits;

export type RateLimits = Readonly<Record<RateLimitName, RateLimit>>;

/**
 * What a request takes from `requestsPerUser`: 1, and 1 more for each 25 rows that it may read (a `limit`, a number of
 * positions) and for each 5 that it may write. A written row costs about as much as five read ones of 1 KB.
 */
export function requestCost(rowsRead: number, rowsWritten = 0): number {
  return 1 + Math.floor(rowsRead / rowsReadPerUnit) + Math.floor(rowsWritten / rowsWrittenPerUnit);
}

/** A limit that fails closed could not be checked. The request was not let through; it may be sent again. */
export class RateLimiterUnavailable extends DependencyFailure {
  override readonly name = 'RateLimiterUnavailable';
  readonly limit: RateLimitName;

  constructor(limit: RateLimitName, cause: unknown) {
    super(`The rate limit ${limit} could not be checked, and it lets nothing through unchecked.`, { cause });
    this.limit = limit;
  }
}
