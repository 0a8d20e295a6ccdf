import { type FaultKind, faultKinds } from './faults.ts';
import { type SimulationResult, simulate } from './simulate.ts';

export interface Shrunk {
  readonly result: SimulationResult;
  readonly operations: ReadonlySet<number>;
  readonly without: readonly FaultKind[];
}

/** More than enough for fifty operations and all kinds of faults. */
const mostRuns = 250;

/**
 * A smaller run of the same seed that breaks the same rule: fewer operations, by halves, quarters … down to single
 * ones, and fewer kinds of faults. Each run draws anew what the missing ones would have drawn, so it is a search.
 */
export async function shrink(failure: SimulationResult, run = simulate): Promise<Shrunk> {
  const rule = failure.findings[0]?.rule;
  let operations = new Set(failure.operations.keys());
  let without: FaultKind[] = [];
  let result = failure;
  let runs = 0;

  async function stillFails(fewer: Set<number>, kinds: FaultKind[]): Promise<boolean> {
    runs += 1;
    if (runs > mostRuns) return false;
    const smaller = await run(failure.seed, { operations: fewer, without: kinds });
    if (!smaller.findings.some((finding) => finding.rule === rule)) return false;
    [result, operations, without] = [smaller, fewer, kinds];
    return true;
  }

  for (let size = Math.ceil(operations.size / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    const all = [...operations];
    for (let at = 0; at < all.length; at += size) {
      const dropped = new Set(all.slice(at, at + size));
      const fewer = new Set([...operations].filter((number) => !dropped.has(number)));
      await stillFails(fewer, without);
    }
  }
  for (const kind of faultKinds) await stillFails(operations, [...without, kind]);

  result = await run(failure.seed, { operations, without, keepTrace: true });
  return { result, operations, without };
}
