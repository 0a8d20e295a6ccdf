import type { WebStorage } from '../client/outbox-storage.ts';
import type { Conversation, Failed } from './conversation.ts';

/** What the server tells only once, as it happens. */
type Told = Pick<Conversation, 'deliveredSeq' | 'readSeq' | 'isBlocked'>;

/** What was told of each peer of each user and refused to each device, for when the page is loaded anew. */
export interface Memory {
  recall(user: string, peer: string): Told;
  keep(user: string, peer: string, news: Partial<Told>): void;
  /** Oldest first. */
  recallFailed(device: string): Failed[];
  /** Keeps the newest ones of each device. */
  keepFailed(device: string, failed: Failed): void;
  forgetFailed(device: string, clientMessageId: string): void;
  /** Forgets what was told by another stack than this one; true if that has been recalled already. */
  turnTo(stack: string): boolean;
}

const stackKey = 'postrider-stack';
const prefix = 'postrider-told ';
const failedPrefix = 'postrider-failed ';
/** Of one device: the longest ones take a fifth of what browsers let a page keep. */
const mostFailed = 30;
/** No user id has a space. */
const keyOf = (user: string, peer: string) => `${prefix}${user} ${peer}`;

export function makeMemory(storage: WebStorage): Memory {
  let recalled = storage.getItem(stackKey);

  function recall(user: string, peer: string): Told {
    const { deliveredSeq, readSeq, isBlocked } = Object(parse(storage.getItem(keyOf(user, peer))));
    return {
      deliveredSeq: Number(deliveredSeq) || 0,
      readSeq: Number(readSeq) || 0,
      isBlocked: isBlocked === true,
    };
  }

  function recallFailed(device: string): Failed[] {
    const found = parse(storage.getItem(failedPrefix + device));
    return Array.isArray(found) ? found.filter(isFailed) : [];
  }

  /** All but the one with this id. */
  function failedWithout(device: string, clientMessageId: string): Failed[] {
    return recallFailed(device).filter(({ send }) => send.clientMessageId !== clientMessageId);
  }

  function storeFailed(device: string, all: readonly Failed[]): void {
    storage.setItem(failedPrefix + device, JSON.stringify(all.slice(-mostFailed)));
  }

  return {
    recall,
    keep: (user, peer, news) =>
      storage.setItem(keyOf(user, peer), JSON.stringify({ ...recall(user, peer), ...news })),
    recallFailed,
    keepFailed: (device, failed) =>
      storeFailed(device, [...failedWithout(device, failed.send.clientMessageId), failed]),
    forgetFailed: (device, clientMessageId) => storeFailed(device, failedWithout(device, clientMessageId)),
    turnTo(stack) {
      if (storage.getItem(stackKey) !== stack) {
        const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
        for (const key of keys)
          if (key.startsWith(prefix) || key.startsWith(failedPrefix)) storage.removeItem(key);
        storage.setItem(stackKey, stack);
      }
      const isOther = recalled !== null && recalled !== stack;
      recalled = stack;
      return isOther;
    },
  };
}

/** Undefined for what is none of ours: other versions write to the same storage. */
function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

function isFailed(found: Partial<Failed> | null): found is Failed {
  const { clientMessageId, recipientId, content, queuedAt } = found?.send ?? {};
  const texts = [clientMessageId, recipientId, content, found?.reason];
  return texts.every((text) => typeof text === 'string') && Number.isSafeInteger(queuedAt);
}
