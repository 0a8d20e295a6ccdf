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
  /** Sends what has collected before the connection ends; whether it arrives, nobody waits for. */
  end(): void;
  /** Forgets what has collected: it is of another life. */
  reset(): void;
}

interface AcknowledgementsOptions {
  readonly call: Call;
  readonly clock: Clock;
  /** Milliseconds to collect. */
  readonly delayMs: number;
  /** The connection to send over; without one they wait for the next `flush`. */
  connection(): Connection | undefined;
  /** Whether there will be one: else nothing is planned, and they wait for the next `flush`. */
  isRunning(): boolean;
  onError(error: unknown): void;
}

/**
 * For one's own messages: nobody waits to hear of their arrival, and where the other answers within it, one frame tells of
 * both.
 */
const ownDelayMs = 60_000;

export function makeAcknowledgements(options: AcknowledgementsOptions): Acknowledgements {
  const due = new Map<string, number>();
  let flushing: Promise<void> = Promise.resolve();
  let flushAt = Number.POSITIVE_INFINITY;
  let cancelTimer = () => {};

  /** What has collected by now: what comes meanwhile collects for the next time. */
  function batches(): [string, number][][] {
    const all = [...due];
    return Array.from({ length: Math.ceil(all.length / limits.ackPositions) }, (_, index) =>
      all.slice(index * limits.ackPositions, (index + 1) * limits.ackPositions),
    );
  }

  async function send(batch: readonly [string, number][], connection: Connection): Promise<void> {
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

  async function sendAll(connection: Connection): Promise<void> {
    for (const batch of batches()) await send(batch, connection);
  }

  function flush(connection: Connection): Promise<void> {
    const before = flushing.catch(() => {});
    flushing = before.then(() => sendAll(connection));
    return flushing;
  }

  function cancelFlush(): void {
    cancelTimer();
    flushAt = Number.POSITIVE_INFINITY;
  }

  function flushAfter(delayMs: number): void {
    const at = options.clock.now() + delayMs;
    if (at >= flushAt || !options.isRunning()) return;
    cancelFlush();
    flushAt = at;
    cancelTimer = options.clock.after(delayMs, () => {
      cancelFlush();
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
    end() {
      cancelFlush();
      const connection = options.connection();
      // All at once, also what is under way: a position that comes twice moves nothing.
      if (connection) for (const batch of batches()) send(batch, connection).catch(() => {});
    },
    reset() {
      cancelFlush();
      due.clear();
    },
  };
}
