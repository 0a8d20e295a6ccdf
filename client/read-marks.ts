import { type Deferred, defer } from './deferred.ts';
import { refusal } from './frame.ts';
import type { Call } from './requests.ts';

interface Mark {
  seq: number;
  readonly told: Deferred<void>;
}

/** Tells the server how far the user has read. Marks of one conversation go one after the other, and only the highest of those that wait. */
export function makeReadMarks(call: Call): (conversationId: string, seq: number) => Promise<void> {
  const waiting = new Map<string, Mark>();
  const running = new Set<string>();

  async function run(conversationId: string): Promise<void> {
    running.add(conversationId);
    for (let mark = waiting.get(conversationId); mark; mark = waiting.get(conversationId)) {
      waiting.delete(conversationId);
      try {
        await call('ok', { action: 'read', conversationId, seq: mark.seq });
        mark.told.resolve();
      } catch (error) {
        mark.told.reject(error);
      }
    }
    running.delete(conversationId);
  }

  return async (conversationId, seq) => {
    if (!Number.isSafeInteger(seq) || seq < 1)
      throw refusal('bad_request', '"seq" must be an integer of 1 or more.');
    const mark = waiting.get(conversationId) ?? { seq, told: defer() };
    mark.seq = Math.max(mark.seq, seq);
    waiting.set(conversationId, mark);
    if (!running.has(conversationId)) void run(conversationId);
    return await mark.told.promise;
  };
}
