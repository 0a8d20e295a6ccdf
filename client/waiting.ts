import type { Connection } from './connection.ts';
import { type Deferred, defer } from './deferred.ts';
import { clientError } from './errors.ts';
import type { Stop } from './stop.ts';

/** Those who wait for a connection. */
export interface Waiting {
  /** Rejects with `offline` when `stop` is stopped first, and with `closed` at the end. */
  add(stop?: Stop): Promise<Connection>;
  resolveAll(connection: Connection): void;
  /** Nobody is let in afterwards. */
  rejectAll(): void;
}

export function makeWaiting(): Waiting {
  const waiting = new Set<Deferred<Connection>>();
  let isClosed = false;
  const closed = () => clientError('closed', 'The client was closed.');

  return {
    async add(stop) {
      if (isClosed) throw closed();
      const one = defer<Connection>();
      const giveUp = () => one.reject(clientError('offline', 'There was no connection in time.'));
      waiting.add(one);
      const unlisten = stop?.onStop(giveUp);
      try {
        return await one.promise;
      } finally {
        waiting.delete(one);
        unlisten?.();
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
