/** Uniform in [0, 1). */
export type Random = () => number;

const baseMs = 1_000;
const capMs = 30_000;

/**
 * Milliseconds to wait after `failures` failures in a row (0 for the first). Full jitter: the whole range from 0 is used,
 * so that many clients that failed together do not come back together.
 */
export function backoff(failures: number, random: Random): number {
  return random() * Math.min(capMs, baseMs * 2 ** failures);
}
