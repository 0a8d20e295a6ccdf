import { type Deferred, defer } from './deferred.ts';
import { randomId } from './ids.ts';
import { webLocks } from './platform.ts';

/**
 * Agrees with the other tabs that share a storage on who sends what is in it. Each living one holds a lock of its own name;
 * what it has stored is taken over by whoever gets that lock after it. Where there are no Web Locks there are no tabs.
 */
export interface Tabs {
  /** What this one writes onto what it stores; undefined where there are no locks. */
  begin(): Promise<string | undefined>;
  /** Calls `run` when nobody else owns what `owner` has stored. Resolves when it has run, or at once if it has to wait. */
  takeOver(owner: string, run: () => Promise<void>): Promise<void>;
  /** Leaves what is stored to others. */
  close(): void;
}

const nameOf = (owner: string) => `postrider outbox ${owner}`;

export function makeTabs(onError: (error: unknown) => void): Tabs {
  const locks = webLocks();
  if (!locks) return { begin: async () => undefined, takeOver: (_, run) => run(), close() {} };
  const request: typeof locks.request = (name, options, run) => locks.request(name, options, run);
  const closing = new AbortController();
  let held: Deferred<void> | undefined;
  let isForbidden = false;

  return {
    begin() {
      const own = randomId();
      const begun = defer<string | undefined>();
      const holding = defer();
      held = holding;
      request(nameOf(own), {}, () => {
        begun.resolve(own);
        return holding.promise;
      }).catch(() => {
        // In a sandboxed frame for instance.
        isForbidden = true;
        begun.resolve(undefined);
      });
      return begun.promise;
    },
    async takeOver(owner, run) {
      if (isForbidden) return await run();
      const isDone = await request(nameOf(owner), { ifAvailable: true }, async (lock) => {
        if (lock) await run();
        return lock !== null;
      });
      if (isDone) return;
      request(nameOf(owner), { signal: closing.signal }, run).catch((error) => {
        if (!closing.signal.aborted) onError(error);
      });
    },
    close() {
      closing.abort();
      held?.resolve();
    },
  };
}
