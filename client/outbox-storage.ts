/** A message that is not confirmed yet. */
export interface QueuedSend {
  readonly clientMessageId: string;
  /** Exactly one of `recipientId` and `conversationId` is there. */
  readonly recipientId?: string;
  readonly conversationId?: string;
  readonly content: string;
  /** Milliseconds since the epoch, rising: the order of sending. */
  readonly queuedAt: number;
  /** Where its conversation ended when it was queued, as far as that was known: it can only have become a later message. */
  readonly after?: number;
  /** The tab that sends it, where there are several. */
  readonly owner?: string;
}

/**
 * Keeps unconfirmed messages over a restart, one storage per user. They rest in it as they are: where that is not private
 * enough, encrypt them here.
 */
export interface OutboxStorage {
  /** In any order. */
  all(): readonly QueuedSend[] | Promise<readonly QueuedSend[]>;
  put(send: QueuedSend): void | Promise<void>;
  remove(clientMessageId: string): void | Promise<void>;
}

/** What is used of `localStorage` and `sessionStorage`. */
export interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** An outbox in `localStorage` or `sessionStorage`, under keys that begin with `prefix`. */
export function webOutboxStorage(storage: WebStorage, prefix: string): OutboxStorage {
  return {
    all() {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
      return keys
        .filter((key) => key.startsWith(prefix))
        .flatMap((key) => parseSend(storage.getItem(key)) ?? []);
    },
    put: (send) => storage.setItem(prefix + send.clientMessageId, JSON.stringify(send)),
    remove: (clientMessageId) => storage.removeItem(prefix + clientMessageId),
  };
}

/** Undefined for what is none of ours: other versions and other code write to the same storage. */
function parseSend(text: string | null): QueuedSend | undefined {
  try {
    const send: unknown = JSON.parse(text ?? '');
    return isQueuedSend(send) ? send : undefined;
  } catch {
    return undefined;
  }
}

/** Whether what a storage gives is whole. */
export function isQueuedSend(value: unknown): value is QueuedSend {
  const { clientMessageId, content, queuedAt, after = 0, owner = '' } = Object(value);
  const areTexts = [clientMessageId, content, owner].every((text) => typeof text === 'string');
  return areTexts && Number.isFinite(queuedAt) && Number.isSafeInteger(after);
}
