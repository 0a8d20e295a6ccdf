import type { Call } from './requests.ts';

interface Mark {
  seq: number;
  readonly told: PromiseWithResolvers<void>;
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

  return (conversationId, seq) => {
    const mark = waiting.get(conversationId) ?? { seq, told: Promise.withResolvers<void>() };
    mark.seq = Math.max(mark.seq, seq);
    waiting.set(conversationId, mark);
    if (!running.has(conversationId)) void run(conversationId);
    return mark.told.promise;
  };
}
