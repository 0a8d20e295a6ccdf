import { limits } from '#shared/protocol/limits.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { PostriderError } from './errors.ts';
import type { Call } from './requests.ts';

/** Tells the server how far messages have arrived: the highest seq of each conversation, many in one frame. */
export interface Acknowledgements {
  add(conversationId: string, seq: number, options: { readonly isOwn: boolean }): void;
  /** Sends what has collected; resolves when the server has it. Rejects with `ConnectionLost`, and nothing is forgotten. */
  flush(connection: Connection): Promise<void>;
}

interface AcknowledgementsOptions {
  readonly call: Call;
  readonly clock: Clock;
  /** Milliseconds to collect. */
  readonly delayMs: number;
  /** The connection to send over; without one they wait for the next `flush`. */
  connection(): Connection | undefined;
  onError(error: unknown): void;
}

/**
 * For one's own messages: nobody waits to hear of their arrival, and where the other answers within it, one frame tells of
 * both.
 */
const ownDelayMs = 60_000;

export function makeAcknowledgements(options: AcknowledgementsOptions): Acknowledgements {
  const due = new Map<string, number>();
  let flushing: Promise<void> | undefined;
  let flushAt = Number.POSITIVE_INFINITY;
  let cancelFlush = () => {};

  /** What has collected by now: what comes meanwhile collects for the next time. */
  async function sendAll(connection: Connection): Promise<void> {
    const all = [...due];
    for (let start = 0; start < all.length; start += limits.ackPositions) {
      const batch = all.slice(start, start + limits.ackPositions);
      try {
        await options.call('ok', { action: 'ack', positions: Object.fromEntries(batch) }, { connection });
      } catch (error) {
        if (!(error instanceof PostriderError)) throw error;
        // The server moved what it could; the same frame would be refused again.
        options.onError(error);
      }
      for (const [conversationId, seq] of batch)
        if (due.get(conversationId) === seq) due.delete(conversationId);
    }
  }

  async function flush(connection: Connection): Promise<void> {
    while (flushing) await flushing.catch(() => {});
    flushing = sendAll(connection);
    try {
      await flushing;
    } finally {
      flushing = undefined;
    }
  }

  function flushAfter(delayMs: number): void {
    const at = options.clock.now() + delayMs;
    if (at >= flushAt) return;
    cancelFlush();
    flushAt = at;
    cancelFlush = options.clock.after(delayMs, () => {
      flushAt = Number.POSITIVE_INFINITY;
      const connection = options.connection();
      // What fails is sent again with the next connection's catch-up.
      if (connection) flush(connection).catch(() => {});
    });
  }

  return {
    add(conversationId, seq, { isOwn }) {
      due.set(conversationId, seq);
      flushAfter(isOwn ? Math.max(ownDelayMs, options.delayMs) : options.delayMs);
    },
    flush,
  };
}
