import type { ErrorCode, ErrorFrame } from '#shared/protocol/errors.ts';

/** What only the client can say, and what to do about it. */
const remedies = {
  bad_options: 'Correct the options that the client is created with.',
  no_answer: 'Try again.',
  offline: 'Try again once the state is "connected".',
  closed: 'Create a new client.',
  queue_full: 'Wait until some of the queued messages are sent, or raise maxQueued.',
  duplicate_id: 'Give each message a clientMessageId of its own, or none.',
  refused:
    'Check that the url is right and reachable, and that its server accepts the token; the client goes on trying.',
  too_many_connections: 'Close other tabs or devices of this user, then call connect().',
  epoch_changed: 'Nothing; the client loads everything anew.',
  token_failed: 'Let getToken give a valid token; the client tries again by itself.',
  storage_failed: 'Make room in the storage. The message is still sent while this client lives.',
  handler_failed: 'Catch errors in the listener, and let it end; the event is not given to it again.',
} as const;

type ClientErrorCode = keyof typeof remedies;

/** An error with a stable `code` and a `remedy`: what to do about it. */
export class PostriderError extends Error {
  override readonly name = 'PostriderError';
  /** One of the wire contract's codes, or one of the client's own. */
  readonly code: ErrorCode | ClientErrorCode;
  readonly remedy: string;
  /** Milliseconds, with `rate_limited`. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string,
    options: {
      readonly remedy?: string;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.remedy = options.remedy ?? '';
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An error that arises in the client itself. */
export function clientError(code: ClientErrorCode, message: string, cause?: unknown): PostriderError {
  return new PostriderError(code, message, {
    remedy: remedies[code],
    ...(cause !== undefined && { cause }),
  });
}

/** The error itself where it is one of ours, otherwise one that says `message` and names it as the cause. */
export function asPostriderError(error: unknown, message: string): PostriderError {
  return error instanceof PostriderError ? error : clientError('no_answer', message, error);
}

/** The error that the server's frame tells of. */
export function serverError({ code, message, remedy, retryAfterMs }: ErrorFrame): PostriderError {
  return new PostriderError(code, message, { remedy, retryAfterMs });
}

/** Whether the same request may be answered otherwise in a moment. */
export function isPassing(error: unknown): error is PostriderError {
  return (
    error instanceof PostriderError &&
    ['rate_limited', 'unavailable', 'internal', 'no_answer'].includes(error.code)
  );
}

/** Why a connection ended, or could not be opened. */
export interface Loss {
  /** Told to the application as the reason of a change of state. */
  readonly reason:
    | 'refused'
    | 'lost'
    | 'silent'
    | 'token_expired'
    | 'token_failed'
    | 'catch_up_failed'
    | 'too_many_connections'
    | 'epoch_changed'
    | 'replaced';
  /** The WebSocket's close code, where there was one. */
  readonly closeCode?: number;
}

/** The connection ended before the reply came: whether the request was carried out is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly loss: Loss;

  constructor(loss: Loss) {
    super(`The connection ended: ${loss.reason}.`);
    this.loss = loss;
  }
}
