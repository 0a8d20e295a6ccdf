import type { MessagePlace, StoredMessage } from '#shared/domain/message.ts';

/** Time as the use cases see it. A simulation passes its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** Uniform in [0, 1), for jitter. */
export type Random = () => number;

/** `length` unpredictable bytes, for ids, salts and nonces. */
export type RandomBytes = (length: number) => Uint8Array;

/** Structured log lines and counters. Neither may ever be given content or a token. */
export interface Telemetry {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, error: unknown, fields?: Record<string, unknown>): void;
  /** Adds to a counter. `name` is a metric's name, in PascalCase. */
  count(name: string, by?: number): void;
}

/** Seals and opens message content. No call to KMS per message. */
export interface MessageCipher {
  seal(place: MessagePlace, keySalt: Uint8Array, content: string): Promise<Uint8Array>;
  /** Throws `UnreadableMessage` when the ciphertext is damaged, moved, or not ours. */
  open(place: MessagePlace, keySalt: Uint8Array, ciphertext: Uint8Array): Promise<string>;
}

/** A tier above the database that holds sealed messages. It may be missing, slow, stale or wrong; it never throws. */
export interface MessageCache {
  /** Keeps a committed message. */
  put(message: StoredMessage): Promise<void>;
  /** Those that it has of the seqs `from`…`to` (inclusive), in any order; holes are normal. */
  range(conversationId: string, from: number, to: number): Promise<StoredMessage[]>;
  /** Forgets an entry that did not open. */
  drop(conversationId: string, seq: number): Promise<void>;
}

export type RateLimitDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterMs: number };

/** Takes from every named budget, or from none of them. */
export interface RateLimiter {
  take(charges: readonly RateLimitCharge[]): Promise<RateLimitDecision>;
}

export interface RateLimitCharge {
  readonly limit: 'messagesPerUser' | 'messagesPerAddress' | 'requestsPerUser' | 'connectionsPerAddress';
  /** A user id, or an IP address (which the limiter reduces to /64 for IPv6). */
  readonly of: string;
  /** 1 unless told. */
  readonly cost?: number;
}
