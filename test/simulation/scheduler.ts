import type { Dice } from './dice.ts';

/** Virtual time: nothing happens but what was put here, and between two moments no time passes. */
export interface Scheduler {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `task` that many milliseconds from now. Tasks of one moment run in an order that the seed chooses. */
  after(milliseconds: number, task: () => void): Task;
  /** Takes a task back that need not run any more: a time limit that was kept. */
  cancel(task: Task): void;
  sleep(milliseconds: number): Promise<void>;
  /** Lets time pass until `work` has ended; throws if it cannot end any more. */
  run(work: Promise<void>): Promise<void>;
  /** Of every task that has run, its moment and what was drawn for it: two runs that have the same did the same. */
  fingerprint(): string;
}

export interface Task {
  readonly at: number;
  readonly tie: number;
  /** `undefined` once it was taken back. */
  run: (() => void) | undefined;
}

/** A run that is still not through after this has got stuck in a loop. */
const mostTasks = 400_000;

export function makeScheduler(dice: Dice, start: number): Scheduler {
  const queue = makeQueue();
  let now = start;
  let mixed = 0x811c9dc5;
  let tasks = 0;

  const after: Scheduler['after'] = (milliseconds, run) => {
    const task = { at: now + Math.max(0, Math.ceil(milliseconds)), tie: dice.next(), run };
    queue.push(task);
    return task;
  };

  /** The next task that was not taken back. */
  function next(): () => void {
    for (;;) {
      const task = queue.pop();
      if (!task) throw new Error('Everybody waits for something that will never happen.');
      if (!task.run) continue;
      tasks += 1;
      if (tasks > mostTasks) throw new Error('The run does not come to its end.');
      now = task.at;
      mixed = Math.imul(mixed ^ (now - start) ^ (task.tie * 4_294_967_296), 0x01000193);
      return task.run;
    }
  }

  return {
    now: () => now,
    after,
    cancel(task) {
      task.run = undefined;
    },
    fingerprint: () => `${tasks}-${now - start}-${(mixed >>> 0).toString(16)}`,
    sleep: (milliseconds) => new Promise((resolve) => after(milliseconds, resolve)),
    run: (work) =>
      new Promise((resolve, reject) => {
        let isOver = false;
        const end = (tell: () => void) => {
          isOver = true;
          tell();
        };
        work.then(
          () => end(resolve),
          (error: unknown) => end(() => reject(error)),
        );
        // Node empties the queue of promises before that of ticks: at a tick, every promise that could go on has.
        const settle = () => process.nextTick(step);
        const step = () => {
          if (isOver) return;
          try {
            next()();
            void resolved.then(settle);
          } catch (error) {
            end(() => reject(error));
          }
        };
        settle();
      }),
  };
}

const resolved = Promise.resolve();

const isBefore = (one: Task, other: Task) =>
  one.at < other.at || (one.at === other.at && one.tie < other.tie);

/** A binary heap. */
function makeQueue() {
  const heap: Task[] = [];
  return {
    push(task: Task): void {
      let at = heap.length;
      heap.push(task);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        const above = heap[parent] as Task;
        if (!isBefore(task, above)) break;
        heap[at] = above;
        at = parent;
      }
      heap[at] = task;
    },
    pop(): Task | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (!last || last === first) return first;
      let at = 0;
      for (let child = 1; child < heap.length; child = 2 * at + 1) {
        const right = heap[child + 1];
        if (right && isBefore(right, heap[child] as Task)) child += 1;
        const below = heap[child] as Task;
        if (!isBefore(below, last)) break;
        heap[at] = below;
        at = child;
      }
      heap[at] = last;
      return first;
    },
  };
}
