import type { Clock, Random } from './clock.ts';

/** What is tried again, and why so often and for so long. */
export interface RetryPolicy {
  readonly what: string;
  readonly why: string;
  /** In all, the first one included; without a number it is time alone that ends it. */
  readonly attempts?: number;
  /** No attempt begins later than so many milliseconds after the first. */
  readonly withinMs?: number;
  /**
   * Before the second attempt at random below `fromMs`, then below a bound that doubles up to `toMs`: full jitter
   * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). None without it.
   */
  readonly pause?: { readonly fromMs: number; readonly toMs: number };
}

/** Before something is done again that failed. */
const shortPause = { fromMs: 40, toMs: 400 };
/** Before something is asked again that needs a moment. */
const pauseToSettle = { fromMs: 80, toMs: 400 };

/**
 * Everything that we try again ourselves. What else comes again is told where it is set: the queue's references in
 * `delivery/delivery-queue.sqs.ts`, the cache in `cache/circuit-breaker.ts`.
 */
export const policies = {
  lostRace: {
    what: 'a send whose place in the log another message took',
    why: 'Each round one of those that send wins, so that time ends it. The function has 25 s, and the pushes need some of them.',
    withinMs: 15_000,
    pause: shortPause,
  },
  commit: {
    what: 'a transaction whose outcome is not known, under the same token',
    why: `The witness that left with it comes after 10 s, and is to find it settled: a request that timed out after 2 s may take
      effect another 5 s later. A token is good for 10 minutes
      (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).`,
    withinMs: 3_000,
    pause: shortPause,
  },
  disagreeingRows: {
    what: 'the read of a conversation and its mailbox that tell different ends',
    why: 'A batch is no snapshot. A busy conversation can grow within each of a few reads, so it is asked for more often than others.',
    attempts: 6,
    pause: pauseToSettle,
  },
  repair: {
    what: 'the repair of a conversation whose rows changed while it was looked at',
    why: 'Rows that change are rows that agree: a send commits only on those. So a few looks tell.',
    attempts: 6,
    pause: pauseToSettle,
  },
  committedMessage: {
    what: 'the read of a message that is known to be committed',
    why: 'The rows of a transaction become visible one by one, within moments.',
    attempts: 3,
    pause: pauseToSettle,
  },
  holes: {
    what: 'the read of messages of which some are missing in between',
    why: 'A query is read-committed against transactions: n + 1 can be visible a moment before n. A device comes back for the rest.',
    attempts: 3,
    pause: pauseToSettle,
  },
  unprocessedKeys: {
    what: 'the keys of a batch that DynamoDB left unprocessed',
    why: `It leaves them when it throttles, and advises to pause
      (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html). The last pauses are of 400 ms.`,
    attempts: 6,
    pause: pauseToSettle,
  },
  mailboxUpdate: {
    what: 'the update of a mailbox that met a transaction (TransactionConflictException)',
    why: 'The SDK does not repeat it. Every message of a busy conversation is a transaction, and eight pauses outlast a burst.',
    attempts: 8,
    pause: shortPause,
  },
  rateLimitCharge: {
    what: 'a charge that found another number in the row than it remembered',
    why: 'Two are enough unless charges of the same key are being given back meanwhile. The refusal has told the number: no pause.',
    attempts: 4,
  },
  post: {
    what: 'a frame to a connection, or its closing, that was throttled or got no answer',
    why: `A function may freeze between two attempts and thaw minutes later, when the token of the connection has expired. A push is a
      hint, and all pushes of a send have 1.5 s.`,
    attempts: 4,
    withinMs: 1_000,
    pause: shortPause,
  },
  fullSocket: {
    what: 'a page of a drain to a client that has yet to read those before it',
    why: 'A slow network takes seconds for what waits in the buffer. A push is not tried again: who does not read is not written to.',
    attempts: 12,
    withinMs: 3_000,
    pause: { fromMs: 200, toMs: 400 },
  },
  close: {
    what: 'the closing of a surplus connection that API Gateway does not know yet',
    why: 'It answers 410 for one that is still opening, which takes less than a second. After the last try its `reconnect` finds it removed.',
    attempts: 5,
    pause: { fromMs: 200, toMs: 200 },
  },
  dataKey: {
    what: 'the loading, or the succession, of a data key while KMS is out of reach',
    why: 'The key in memory serves on; each try may cost a message a time-out.',
    pause: { fromMs: 30_000, toMs: 30_000 },
  },
  issuerKeys: {
    what: "the read of an issuer's keys that failed",
    why: 'Each one that hangs holds up a handshake for 3 s, and whoever has bad tokens can have it asked. Meanwhile known keys serve on.',
    pause: { fromMs: 1_000, toMs: 30_000 },
  },
} as const satisfies Record<string, RetryPolicy>;

/** How long one attempt of an SDK client may take, and how many it makes by itself. */
interface ClientPolicy {
  readonly why: string;
  readonly attempts: number;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** Three attempts are the SDK's default (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). */
export const clientPolicies = {
  dynamodb: { attempts: 3, timeoutMs: 2_000, why: 'It answers within 10 ms as a rule.' },
  transactions: { attempts: 1, timeoutMs: 2_000, why: 'A commit repeats itself and minds its deadline.' },
  kms: { attempts: 3, timeoutMs: 2_000, why: 'It is asked once an hour and key.' },
  sqs: { attempts: 2, timeoutMs: 1_000, why: 'The witness has 1.5 s.' },
  events: { attempts: 3, timeoutMs: 2_000, why: 'A notification is at least once, so it may come twice.' },
  connections: { attempts: 1, timeoutMs: 1_200, why: 'A frame that may have arrived would be sent twice.' },
} as const satisfies Record<string, ClientPolicy>;

export interface Retries {
  /** Runs `operation` again as long as it fails with what `isTransient` accepts; throws its last failure. */
  retrying<T>(
    policy: RetryPolicy,
    operation: () => Promise<T>,
    isTransient: (error: unknown) => boolean,
  ): Promise<T>;
  /** Asks again until there is an answer; `undefined` where there was none. Failures are thrown at once. */
  asking<T>(policy: RetryPolicy, ask: () => Promise<T | undefined>): Promise<T | undefined>;
  /** The pause after an attempt, 1 for the first: for loops that have more to decide. */
  pause(policy: RetryPolicy, attempt: number): Promise<void>;
}

interface Options {
  readonly clock: Clock;
  /** Without it each pause is as long as it may be. */
  readonly random?: Random;
}

export function makeRetries({ clock, random = () => 1 }: Options): Retries {
  const pause: Retries['pause'] = async ({ pause: bounds }, attempt) => {
    if (!bounds) return;
    await clock.sleep(random() * Math.min(bounds.toMs, bounds.fromMs * 2 ** (attempt - 1)));
  };

  const isOver = ({ attempts = Number.POSITIVE_INFINITY }: RetryPolicy, attempt: number) =>
    attempt >= attempts;
  const endOf = ({ withinMs = Number.POSITIVE_INFINITY }: RetryPolicy) => clock.now() + withinMs;

  return {
    pause,

    async retrying(policy, operation, isTransient) {
      const end = endOf(policy);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await operation();
        } catch (error) {
          if (isOver(policy, attempt) || !isTransient(error)) throw error;
          await pause(policy, attempt);
          // Asked after the pause, in which a function may freeze.
          if (clock.now() >= end) throw error;
        }
      }
    },

    async asking(policy, ask) {
      const end = endOf(policy);
      for (let attempt = 1; ; attempt += 1) {
        const answer = await ask();
        if (answer !== undefined || isOver(policy, attempt)) return answer;
        await pause(policy, attempt);
        if (clock.now() >= end) return undefined;
      }
    },
  };
}

/** The `name` of an SDK error, by which AWS documents its errors. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
