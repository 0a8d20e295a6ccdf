import type { Stop } from './stop.ts';

/** Time as the client sees it. A test passes its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds; the returned function takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or as soon as one of `stops` is stopped. */
export function sleep(clock: Clock, ms: number, ...stops: readonly Stop[]): Promise<void> {
  return new Promise((resolve) => {
    if (stops.some((stop) => stop.isStopped())) return resolve();
    const finish = () => {
      for (const undo of undoes) undo();
      resolve();
    };
    const undoes = [clock.after(ms, finish), ...stops.map((stop) => stop.onStop(finish))];
  });
}

/** Settles as `promise` does. Rejects with what `late` gives if that takes more than `ms` milliseconds, or `stop` is stopped. */
export function within<Value>(
  promise: Value | PromiseLike<Value>,
  { clock, ms, stop, late }: { clock: Clock; ms: number; stop?: Stop; late: () => unknown },
): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    const giveUp = () => {
      undo();
      reject(late());
    };
    const cancel = clock.after(ms, giveUp);
    const unlisten = stop?.onStop(giveUp);
    const undo = () => {
      cancel();
      unlisten?.();
    };
    Promise.resolve(promise).then(
      (value) => {
        undo();
        resolve(value);
      },
      (error) => {
        undo();
        reject(error);
      },
    );
  });
}
