export const errorCodes = [
  'bad_request',
  'too_large',
  'unauthenticated',
  'forbidden',
  'not_found',
  'epoch_changed',
  'rate_limited',
  'unavailable',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What to do about an error where nothing more specific is known. */
const remedies: Readonly<Record<ErrorCode, string>> = {
  bad_request: 'Correct the frame; the same one will be refused again.',
  too_large: 'Send less: a content has at most 16384 bytes, a frame 32768.',
  unauthenticated: 'Connect again with a new token.',
  forbidden: 'Do not send it again before that has changed.',
  not_found: 'Check the conversationId; "conversations" lists yours.',
  epoch_changed:
    'Forget your positions and tell your user. Send "reconnect" without "positions" and "epoch", over a new connection if this one ends.',
  rate_limited: 'Send the same frame again after retryAfterMs.',
  unavailable: 'Send the same frame again in a moment, a send with the same clientMessageId.',
  internal:
    'Send the same frame again, a send with the same clientMessageId. If it goes on, report the time.',
};

export interface ErrorFrame {
  readonly type: 'error';
  readonly requestId?: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs?: number;
  /** With `epoch_changed`: the one that is now. */
  readonly epoch?: string;
}

interface ProtocolErrorOptions {
  readonly remedy?: string;
  /** Milliseconds, with `rate_limited`. */
  readonly retryAfterMs?: number;
  /** With `epoch_changed`: the one that is now. */
  readonly epoch?: string;
  readonly cause?: unknown;
}

/** An error that the client is told about: its message and remedy go over the wire, its cause to the log. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retryAfterMs: number | undefined;
  readonly epoch: string | undefined;

  constructor(code: ErrorCode, message: string, options: ProtocolErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy ?? remedies[code];
    this.retryAfterMs = options.retryAfterMs;
    this.epoch = options.epoch;
  }
}

/** The data are in another life than the client took them to be in: restored from a backup, or begun anew. */
export function epochChanged(epoch: string): ProtocolError {
  return new ProtocolError('epoch_changed', 'The data were restored, or begun anew, since.', { epoch });
}

/** The frame that tells a client of `error`. */
export function errorFrame(error: ProtocolError, requestId?: string): ErrorFrame {
  return {
    type: 'error',
    ...(requestId !== undefined && { requestId }),
    code: error.code,
    message: error.message,
    remedy: error.remedy,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    ...(error.epoch !== undefined && { epoch: error.epoch }),
  };
}
