/**
 * What one invocation of a function did, as the inspector tells it to the page: sizes, times, counts and costs, and
 * never what was in a frame, a row or a token.
 */
export interface Flow {
  readonly id: number;
  readonly functionName: string;
  /** `send`, `$connect`, …; undefined for what the queue or the authorizer was asked. */
  readonly routeKey: string | undefined;
  readonly userId: string | undefined;
  /** Milliseconds since the epoch, when the gateway or the queue handed it over. */
  readonly at: number;
  /** Until an environment had it: what a cold start or a queue of invocations takes comes after, or here. */
  readonly waitedMs: number;
  readonly coldStart: boolean;
  /** From when an environment had it to its answer; undefined while it is under way. */
  readonly tookMs: number | undefined;
  readonly outcome: 'running' | 'returned' | 'failed';
  /** Of the frame that came. */
  readonly requestBytes: number;
  /** The frame that the route's response was, such as `message.sent` or `error forbidden`. */
  readonly answer: string | undefined;
  readonly answerBytes: number;
  /** The messages that it leaves for later delivery, or that it delivers later. */
  readonly messageIds: readonly string[];
  readonly steps: readonly Step[];
  readonly tiers: Tiers | undefined;
  /** US dollars for a million of these, by list prices, without the function's own time. */
  readonly dollarsPerMillion: number;
}

/** One call of the function to AWS, or to the cache. */
export interface Step {
  readonly id: string;
  readonly service: string;
  readonly operation: string;
  /** What it was about: tables, the person whose connection it was, the type of the frame. */
  readonly about: string;
  readonly roundTrip: number | undefined;
  /** Since an environment had the invocation. */
  readonly fromMs: number;
  /** Undefined while it is under way. */
  readonly tookMs: number | undefined;
  /** `cut` if there was no answer. */
  readonly status: number | 'cut' | undefined;
  /** AWS's name of a refusal. */
  readonly refusal: string | undefined;
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** Capacity units of DynamoDB. */
  readonly readUnits: number | undefined;
  readonly writeUnits: number | undefined;
  /** Messages that were found, where it looked for some. */
  readonly found: number | undefined;
  /** Undefined where the price hangs on what only AWS tells, such as the units of a refused write. */
  readonly dollarsPerMillion: number | undefined;
}

/** Where the messages that an answer holds came from. */
export interface Tiers {
  /** In the answer. */
  readonly told: number;
  readonly fromCache: number;
  readonly fromDatabase: number;
}
