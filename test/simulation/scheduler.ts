import type { Dice } from './dice.ts';

/** Virtual time: nothing happens but what was put here, and between two moments no time passes. */
export interface Scheduler {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `task` that many milliseconds from now. Tasks of one moment run in an order that the seed chooses. */
  after(milliseconds: number, task: () => void): void;
  sleep(milliseconds: number): Promise<void>;
  /** Lets time pass until `work` has ended; throws if it cannot end any more. */
  run(work: Promise<void>): Promise<void>;
}

interface Entry {
  readonly at: number;
  readonly tie: number;
  readonly task: () => void;
}

/** A run that is still not through after this has got stuck in a loop. */
const mostTasks = 400_000;

export function makeScheduler(dice: Dice, start: number): Scheduler {
  const queue = makeQueue();
  let now = start;

  const after: Scheduler['after'] = (milliseconds, task) => {
    queue.push({ at: now + Math.max(0, Math.ceil(milliseconds)), tie: dice.next(), task });
  };

  return {
    now: () => now,
    after,
    sleep: (milliseconds) => new Promise((resolve) => after(milliseconds, resolve)),
    async run(work) {
      let outcome: { error?: unknown } | undefined;
      work.then(
        () => {
          outcome = {};
        },
        (error: unknown) => {
          outcome = { error };
        },
      );
      await settled();
      for (let tasks = 0; outcome === undefined; tasks += 1) {
        const entry = queue.pop();
        if (!entry) throw new Error('Everybody waits for something that will never happen.');
        if (tasks > mostTasks) throw new Error('The run does not come to its end.');
        now = entry.at;
        entry.task();
        await settled();
      }
      if ('error' in outcome) throw outcome.error;
    },
  };
}

/** Every promise that could go on has gone on: Node empties the queue of promises before that of ticks. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

const isBefore = (one: Entry, other: Entry) =>
  one.at < other.at || (one.at === other.at && one.tie < other.tie);

/** A binary heap. */
function makeQueue() {
  const heap: Entry[] = [];
  const swap = (i: number, j: number) => {
    const [one, other] = [heap[i], heap[j]];
    if (one && other) [heap[i], heap[j]] = [other, one];
  };
  const goesFirst = (i: number, j: number) => {
    const [one, other] = [heap[i], heap[j]];
    return one !== undefined && other !== undefined && isBefore(one, other);
  };
  return {
    push(entry: Entry): void {
      heap.push(entry);
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!goesFirst(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    },
    pop(): Entry | undefined {
      swap(0, heap.length - 1);
      const first = heap.pop();
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        const child = goesFirst(right, left) ? right : left;
        if (!goesFirst(child, at)) break;
        swap(at, child);
        at = child;
      }
      return first;
    },
  };
}
