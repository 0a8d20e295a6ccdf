import type { Connection } from './connection.ts';
import { clientError } from './errors.ts';

/** Those who wait for a connection. */
export interface Waiting {
  /** Rejects with `offline` when `signal` is aborted first, and with `closed` at the end. */
  add(signal?: AbortSignal): Promise<Connection>;
  resolveAll(connection: Connection): void;
  /** Nobody is let in afterwards. */
  rejectAll(): void;
}

export function makeWaiting(): Waiting {
  const waiting = new Set<PromiseWithResolvers<Connection>>();
  let isClosed = false;
  const closed = () => clientError('closed', 'The client was closed.');

  return {
    async add(signal) {
      if (isClosed) throw closed();
      const one = Promise.withResolvers<Connection>();
      const giveUp = () => one.reject(clientError('offline', 'There was no connection in time.'));
      waiting.add(one);
      signal?.addEventListener('abort', giveUp);
      try {
        return await one.promise;
      } finally {
        waiting.delete(one);
        signal?.removeEventListener('abort', giveUp);
      }
    },
    resolveAll(connection) {
      for (const { resolve } of waiting) resolve(connection);
    },
    rejectAll() {
      isClosed = true;
      for (const { reject } of waiting) reject(closed());
    },
  };
}
