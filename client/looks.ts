import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Stop } from './stop.ts';

/** Gets over an open connection what no push has told. */
export interface Looks {
  /** Looks now. It is a sign of life as well: without an answer the connection ends. */
  again(connection: Connection): Promise<void>;
  /** Looks every so often until `stop` is stopped. */
  keep(connection: Connection, stop: Stop): Promise<void>;
}

/**
 * How often a connection asks for what it may have missed, in milliseconds. A push is a hint, and may fail for good: what
 * it should have told would otherwise stay unknown until the conversation's next message. The server looks again by itself
 * for some minutes, so this is the last resort, and a look costs it some five calls where a `ping` costs one.
 */
const lookAgainMs = 15 * 60_000;

export function makeLooks(
  clock: Clock,
  catchUp: (connection: Connection) => Promise<unknown>,
  onError: (error: unknown) => void,
): Looks {
  let isLooking = false;

  async function again(connection: Connection): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      await catchUp(connection);
    } catch (error) {
      onError(error);
    } finally {
      isLooking = false;
    }
  }

  return {
    again,
    async keep(connection, stop) {
      for (;;) {
        await sleep(clock, lookAgainMs, stop);
        if (stop.isStopped()) return;
        await again(connection);
      }
    },
  };
}
