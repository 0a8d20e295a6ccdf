import type { Clock } from './clock.ts';

/** From then on others do not wait any more for what waits for this. */
const slowMs = 5_000;
/** From then on this itself is not waited for. */
export const lateMs = 60_000;

/** Waits for what the application does, one thing after the other, and never without a limit. */
export function makePatience(clock: Clock, onLate: (ms: number) => void) {
  const waiting = new Set<() => void>();
  let isShort = false;
  let giveUp = () => {};

  function release(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  return {
    /** Resolves when `work` does, or when it is late. `work` never rejects. */
    wait(work: Promise<void>): Promise<void> {
      return new Promise((resolve) => {
        let cancel = clock.after(slowMs, () => {
          isShort = true;
          release();
          cancel = clock.after(lateMs - slowMs, () => {
            onLate(lateMs);
            giveUp();
          });
        });
        const finish = () => {
          cancel();
          // What ends after it was given up changes nothing for what is waited for by now.
          if (giveUp !== finish) return;
          giveUp = () => {};
          isShort = false;
          resolve();
        };
        giveUp = finish;
        void work.then(finish);
      });
    },
    /** Whether what is waited for is slow. */
    isShort: () => isShort,
    /** Resolves when what is waited for is slow, or `release` is called. */
    released: () => (isShort ? Promise.resolve() : new Promise<void>((resolve) => waiting.add(resolve))),
    release,
    /** Waits for nothing any more. */
    end() {
      giveUp();
      release();
    },
  };
}
