import { simulate } from './simulate.ts';

/** What became of some seeds. */
export interface SliceResult {
  /** Seeds that were run. */
  readonly seeds: number;
  readonly failed: readonly number[];
  readonly operations: number;
  /** Virtual time, in milliseconds. */
  readonly virtualMs: number;
  /** The longest run, in real milliseconds. */
  readonly longestMs: number;
}

export const noSeeds: SliceResult = { seeds: 0, failed: [], operations: 0, virtualMs: 0, longestMs: 0 };

export function add(one: SliceResult, other: SliceResult): SliceResult {
  return {
    seeds: one.seeds + other.seeds,
    failed: [...one.failed, ...other.failed],
    operations: one.operations + other.operations,
    virtualMs: one.virtualMs + other.virtualMs,
    longestMs: Math.max(one.longestMs, other.longestMs),
  };
}

/** Runs seeds one after the other. `first` ends it at one that fails. */
export async function runSlice(from: number, seeds: number, first: boolean): Promise<SliceResult> {
  let sum = noSeeds;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const begun = performance.now();
    const { findings, operations, virtualMs } = await simulate(seed);
    const failed = findings.length > 0 ? [seed] : [];
    const longestMs = performance.now() - begun;
    sum = add(sum, { seeds: 1, failed, operations: operations.length, virtualMs, longestMs });
    if (first && failed.length > 0) break;
  }
  return sum;
}
