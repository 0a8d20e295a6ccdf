/** Time as the use cases see it. A simulation passes its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves early when `signal` is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1), for jitter. */
export type Random = () => number;

/** `length` unpredictable bytes, for ids, salts and nonces. */
export type RandomBytes = (length: number) => Uint8Array;
