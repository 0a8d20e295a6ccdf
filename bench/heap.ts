import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What is held has settled when it falls by less than this. */
const settledBytes = 100_000;

/** What this process holds, in bytes, and nothing that is only waiting to be collected. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Watches how much more is held than now, once all that came before is gone. */
export async function watchHeap() {
  let start = heldBytes();
  for (let before = Number.POSITIVE_INFINITY; before - start > settledBytes; ) {
    before = start;
    await sleep(200);
    start = heldBytes();
  }
  let highest = start;
  return {
    sample() {
      highest = Math.max(highest, heldBytes());
    },
    /** In bytes. */
    growth: () => highest - start,
  };
}
