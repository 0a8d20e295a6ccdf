/** A message that is not confirmed yet. */
export interface QueuedSend {
  readonly clientMessageId: string;
  /** Exactly one of `recipientId` and `conversationId` is there. */
  readonly recipientId?: string;
  readonly conversationId?: string;
  readonly content: string;
  /** Milliseconds since the epoch, rising: the order of sending. */
  readonly queuedAt: number;
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
    const send: Partial<QueuedSend> = JSON.parse(text ?? '');
    const isWhole = typeof send.clientMessageId === 'string' && typeof send.content === 'string';
    return isWhole ? (send as QueuedSend) : undefined;
  } catch {
    return undefined;
  }
}
