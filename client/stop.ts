/** Tells once that something is over. It is an `AbortSignal` that every runtime has. */
export interface Stop {
  isStopped(): boolean;
  /** Calls `run` when it is over, unless the returned function took it back. */
  onStop(run: () => void): () => void;
}

export interface Stopper extends Stop {
  stop(): void;
}

export function makeStop(): Stopper {
  const waiting = new Set<() => void>();
  let isStopped = false;
  return {
    isStopped: () => isStopped,
    onStop(run) {
      // Another object for each call: the same function may be given twice.
      const own = () => run();
      waiting.add(own);
      return () => void waiting.delete(own);
    },
    stop() {
      isStopped = true;
      const all = [...waiting];
      waiting.clear();
      for (const run of all) run();
    },
  };
}
