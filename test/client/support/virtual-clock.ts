import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../client/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets `ms` milliseconds pass: what is due runs in its order, each after everything that the one before it caused. */
  advance(ms: number): Promise<void>;
  /** Timers that are set. */
  pending(): number;
}

/** Everything that promises can do without time passing is done when this resolves. */
export async function flush(turns = 8): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
}

export function makeVirtualClock(startAt = 1_750_000_000_000): VirtualClock {
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  let now = startAt;
  let nextId = 0;

  function earliest(until: number) {
    const due = [...timers].filter(([, { at }]) => at <= until);
    return due.sort(([idOne, one], [idOther, other]) => one.at - other.at || idOne - idOther)[0];
  }

  return {
    now: () => now,
    after(ms, run) {
      nextId += 1;
      const id = nextId;
      timers.set(id, { at: now + ms, run });
      return () => void timers.delete(id);
    },
    async advance(ms) {
      const until = now + ms;
      await flush();
      for (let due = earliest(until); due; due = earliest(until)) {
        const [id, { at, run }] = due;
        timers.delete(id);
        now = Math.max(now, at);
        run();
        await flush(3);
      }
      now = until;
    },
    pending: () => timers.size,
  };
}
