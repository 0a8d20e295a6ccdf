import { functionNeeds } from '#infra/function-needs.ts';
import type { Clock, Random, RandomBytes } from '#shared/runtime/clock.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** An execution environment of one Lambda: what runs in it goes on only while it is thawed, and never once it is dead. */
export interface Sandbox {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly randomBytes: RandomBytes;
  readonly isDead: () => boolean;
  /** Ends it, and what it is at. */
  kill(cause: string): void;
  /** Runs `task` now; frozen, when it thaws; dead, never. Every continuation after an AWS call goes through here. */
  resume(task: () => void): void;
  /** One invocation: `undefined` if the environment died in it. One at a time. */
  invoke<T>(work: () => Promise<T>): Promise<T | undefined>;
}

interface Options {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
  readonly trace: Trace;
}

/** Lambda ends an invocation that takes longer. */
const longestInvocationMs = functionNeeds.send.timeoutSeconds * 1_000;
/** Deaths come within so many continuations: a send has about fifteen, a long drain many more. */
const deathWithin = [6, 24, 80];

export function makeSandbox(name: string, { scheduler, dice, faults, trace }: Options): Sandbox {
  let state: 'running' | 'frozen' | 'dead' = 'frozen';
  let stepsLeft = Number.POSITIVE_INFINITY;
  let onDeath = () => {};
  let deferred: (() => void)[] = [];
  const skew = faults.happens('skew') ? dice.between(-1500, 1500) : 0;

  function die(cause: string): void {
    state = 'dead';
    deferred = [];
    trace.note(name, 'dies:', cause);
    onDeath();
  }

  function resume(task: () => void): void {
    if (state === 'dead') return;
    if (state === 'frozen') {
      deferred.push(() => resume(task));
      return;
    }
    stepsLeft -= 1;
    if (stepsLeft <= 0) die('killed');
    else task();
  }

  function thaw(): void {
    state = 'running';
    stepsLeft = faults.happens('death') ? dice.between(1, dice.pick(deathWithin)) : Number.POSITIVE_INFINITY;
    const waiting = deferred;
    deferred = [];
    for (const task of waiting) scheduler.after(dice.between(0, 2), task);
  }

  return {
    name,
    random: () => dice.next(),
    randomBytes: (length) => dice.bytes(length),
    isDead: () => state === 'dead',
    kill: (cause) => {
      if (state !== 'dead') die(cause);
    },
    resume,
    clock: {
      now: () => scheduler.now() + skew,
      sleep: (milliseconds, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const task = scheduler.after(milliseconds, () => resume(resolve));
          const end = () => {
            scheduler.cancel(task);
            resolve();
          };
          signal?.addEventListener('abort', end, { once: true });
        }),
    },
    invoke(work) {
      return new Promise((resolve, reject) => {
        thaw();
        const timeLimit = scheduler.after(longestInvocationMs, () => die('time limit of the function'));
        onDeath = () => {
          scheduler.cancel(timeLimit);
          resolve(undefined);
        };
        const end = (tell: () => void) => {
          if (state === 'dead') return;
          scheduler.cancel(timeLimit);
          state = 'frozen';
          tell();
        };
        work().then(
          (result) => end(() => resolve(result)),
          (error: unknown) => end(() => reject(error)),
        );
      });
    },
  };
}
