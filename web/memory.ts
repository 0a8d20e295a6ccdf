import type { WebStorage } from '../client/outbox-storage.ts';
import type { Conversation } from './conversation.ts';

/** What the server tells only once, as it happens. */
type Told = Pick<Conversation, 'deliveredSeq' | 'readSeq' | 'isBlocked'>;

/** What was told of each peer of each user, for when the page is loaded anew. */
export interface Memory {
  recall(user: string, peer: string): Told;
  keep(user: string, peer: string, news: Partial<Told>): void;
  /** Forgets what was told by another stack than this one; true if that has been recalled already. */
  turnTo(stack: string): boolean;
}

const stackKey = 'postrider-stack';
const prefix = 'postrider-told ';
/** No user id has a space. */
const keyOf = (user: string, peer: string) => `${prefix}${user} ${peer}`;

export function makeMemory(storage: WebStorage): Memory {
  let recalled = storage.getItem(stackKey);

  function recall(user: string, peer: string): Told {
    const { deliveredSeq, readSeq, isBlocked } = parse(storage.getItem(keyOf(user, peer)));
    return {
      deliveredSeq: Number(deliveredSeq) || 0,
      readSeq: Number(readSeq) || 0,
      isBlocked: isBlocked === true,
    };
  }

  return {
    recall,
    keep: (user, peer, news) =>
      storage.setItem(keyOf(user, peer), JSON.stringify({ ...recall(user, peer), ...news })),
    turnTo(stack) {
      if (storage.getItem(stackKey) !== stack) {
        const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
        for (const key of keys) if (key.startsWith(prefix)) storage.removeItem(key);
        storage.setItem(stackKey, stack);
      }
      const isOther = recalled !== null && recalled !== stack;
      recalled = stack;
      return isOther;
    },
  };
}

/** Nothing for what is none of ours: other versions write to the same storage. */
function parse(text: string | null): { readonly [Name in keyof Told]?: unknown } {
  try {
    return JSON.parse(text ?? '{}') ?? {};
  } catch {
    return {};
  }
}
