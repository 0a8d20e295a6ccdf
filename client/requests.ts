import type { Reply } from '#shared/protocol/replies.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import { ConnectionLost, clientError, isPassing, type PostriderError } from './errors.ts';
import { frameOf, type RequestFields } from './frame.ts';
import type { OnPage } from './replies.ts';
import { makeStop, type Stop } from './stop.ts';

/** Where requests find a connection. */
export interface Line {
  /** The open connection, if there is one. */
  connection(): Connection | undefined;
  /** Resolves with the open connection, as soon as there is one. Rejects if the client is closed or `stop` stopped. */
  opened(stop?: Stop): Promise<Connection>;
}

type ReplyOf<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

interface CallOptions {
  /** Milliseconds after which the last failure is final; never, if it is left out. */
  readonly timeoutMs?: number;
  /** Only over this connection: rejects with `ConnectionLost` when it ends. */
  readonly connection?: Connection;
  readonly onPage?: OnPage;
}

/**
 * Asks until there is an answer: over the next connection when one ends, later when the server says so. Every request of
 * the protocol may be repeated. Rejects with a final `PostriderError`.
 */
export type Call = <Type extends Reply['type']>(
  expected: Type,
  fields: RequestFields,
  options?: CallOptions,
) => Promise<ReplyOf<Type>>;

interface CallDependencies {
  readonly line: Line;
  readonly clock: Clock;
  readonly random: Random;
}

export function makeCall({ line, clock, random }: CallDependencies): Call {
  return async (expected, fields, { timeoutMs, connection, onPage } = {}) => {
    // What can never be sent does not wait for a connection.
    if (!(connection ?? line.connection())) frameOf(fields);
    const timeout = makeStop();
    const cancelTimeout = timeoutMs === undefined ? () => {} : clock.after(timeoutMs, timeout.stop);
    let failure: PostriderError | undefined;
    try {
      for (let failures = 0; ; ) {
        const over = connection ?? (await line.opened(timeout));
        try {
          const reply = await over.request(fields, onPage);
          if (isReply(reply, expected)) return reply;
          throw clientError('no_answer', `"${fields.action}" was answered by "${reply.type}".`);
        } catch (error) {
          if (error instanceof ConnectionLost && !connection) continue;
          if (!isPassing(error)) throw error;
          failure = error;
          await sleep(clock, error.retryAfterMs ?? backoff(failures, random), timeout);
          failures += 1;
        }
        if (timeout.isStopped()) throw failure;
      }
    } catch (error) {
      if (timeout.isStopped() && failure) throw failure;
      throw error;
    } finally {
      cancelTimeout();
    }
  };
}

function isReply<Type extends Reply['type']>(reply: Reply, expected: Type): reply is ReplyOf<Type> {
  return reply.type === expected;
}
