import type { Message, Reply } from '#shared/protocol/replies.ts';
import type { Clock } from './clock.ts';
import { defer } from './deferred.ts';

/** Takes the messages of a `reconnect.page`. */
export type OnPage = (messages: readonly Message[]) => void;

/** The requests of one connection that have not been answered yet. */
export interface Replies {
  /** `onPage` is called for each page that comes before the reply. */
  expect(requestId: string, onPage?: OnPage): Promise<Reply>;
  page(requestId: string, messages: readonly Message[]): void;
  resolve(requestId: string, reply: Reply): void;
  reject(requestId: string, error: Error): void;
  rejectAll(error: Error): void;
  /** A frame has come, whatever it is: the connection is alive. */
  heard(): void;
  count(): number;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly onPage: OnPage | undefined;
  cancelTimeout: () => void;
}

/**
 * `onTimeout` is called when a request has got neither reply nor page for `timeoutMs`; `isSilent`: nor has anything else
 * come meanwhile.
 */
export function makeReplies(
  clock: Clock,
  timeoutMs: number,
  onTimeout: (requestId: string, isSilent: boolean) => void,
): Replies {
  const waiting = new Map<string, Waiting>();
  let frames = 0;

  function startTimeout(requestId: string): () => void {
    const framesBefore = frames;
    return clock.after(timeoutMs, () => onTimeout(requestId, frames === framesBefore));
  }

  function take(requestId: string): Waiting | undefined {
    const found = waiting.get(requestId);
    found?.cancelTimeout();
    waiting.delete(requestId);
    return found;
  }

  return {
    expect(requestId, onPage) {
      const { promise, resolve, reject } = defer<Reply>();
      waiting.set(requestId, { resolve, reject, onPage, cancelTimeout: startTimeout(requestId) });
      return promise;
    },
    page(requestId, messages) {
      const found = waiting.get(requestId);
      if (!found) return;
      found.cancelTimeout();
      found.cancelTimeout = startTimeout(requestId);
      found.onPage?.(messages);
    },
    resolve: (requestId, reply) => take(requestId)?.resolve(reply),
    reject: (requestId, error) => take(requestId)?.reject(error),
    rejectAll(error) {
      for (const requestId of [...waiting.keys()]) take(requestId)?.reject(error);
    },
    heard() {
      frames += 1;
    },
    count: () => waiting.size,
  };
}
