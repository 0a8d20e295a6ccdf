import type { MessageCache } from '#shared/cache/message-cache.ts';
import { decodeEntry, encodeEntry } from '#shared/cache/message-entry.ts';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { Sandbox } from '../sandbox.ts';
import type { Scheduler } from '../scheduler.ts';

/**
 * A cache that all environments share, in the product's own format of entries. It loses, and with `wrongCache` it has
 * the ciphertext of one message under the place of another.
 */
export function makeSharedCache({
  scheduler,
  dice,
  faults,
}: {
  scheduler: Scheduler;
  dice: Dice;
  faults: Faults;
}) {
  const entries = new Map<string, Uint8Array>();
  const known: { ciphertext: Uint8Array }[] = [];

  return (sandbox: Sandbox): MessageCache => {
    const roundTrip = () =>
      new Promise<void>((resolve) => scheduler.after(dice.between(0, 3), () => sandbox.resume(resolve)));
    return {
      async put(...messages) {
        await roundTrip();
        for (const message of messages) {
          const isWrong = known.length > 0 && faults.happens('wrongCache');
          const entry = encodeEntry(
            isWrong ? { ...message, ciphertext: dice.pick(known).ciphertext } : message,
          );
          known.push(message);
          if (entry) entries.set(`${message.conversationId} ${message.seq}`, entry);
        }
      },
      async range(conversationId, from, to) {
        await roundTrip();
        const found = [];
        for (let seq = from; seq <= to; seq += 1) {
          const entry = entries.get(`${conversationId} ${seq}`);
          const message = entry && !dice.chance(0.2) ? decodeEntry(entry, conversationId, seq) : undefined;
          if (message) found.push(message);
        }
        return found;
      },
      async drop(conversationId, seq) {
        await roundTrip();
        entries.delete(`${conversationId} ${seq}`);
      },
    };
  };
}
