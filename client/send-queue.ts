import type { Message } from '#shared/protocol/replies.ts';
import type { OutboxStorage, QueuedSend } from './outbox-storage.ts';

export interface QueueEntry {
  readonly send: QueuedSend;
  readonly told: PromiseWithResolvers<Message>;
  isInFlight: boolean;
  /** It may be committed: its connection ended before the reply. */
  isUncertain: boolean;
  failures: number;
  /** Milliseconds since the epoch. */
  retryAt: number;
}

/** The unconfirmed messages, oldest first, mirrored in the storage if there is one. */
export interface SendQueue {
  add(send: QueuedSend): QueueEntry;
  /** False if it was removed before. */
  remove(entry: QueueEntry): boolean;
  find(clientMessageId: string): QueueEntry | undefined;
  entries(): QueueEntry[];
  /** Forgets them all, but for the storage. */
  clear(): void;
  /** Whether those of an earlier run are here, which go first. */
  isLoaded(): boolean;
}

interface SendQueueOptions {
  readonly storage: OutboxStorage | undefined;
  onLoaded(): void;
  onStorageError(error: unknown): void;
}

export function makeSendQueue({ storage, onLoaded, onStorageError }: SendQueueOptions): SendQueue {
  let entries = new Map<string, QueueEntry>();
  let isLoaded = storage === undefined;
  /** One operation after the other: a removal must not overtake what put it there. */
  let stored: Promise<unknown> = Promise.resolve();

  function store(operation: (storage: OutboxStorage) => unknown): void {
    if (storage) stored = stored.then(() => operation(storage)).catch(onStorageError);
  }

  function load(found: readonly QueuedSend[]): void {
    const oldestFirst = found.toSorted((one, other) => one.queuedAt - other.queuedAt);
    const earlier = oldestFirst.map((send) => {
      const entry = makeEntry(send, true);
      // Nobody holds this promise any more: its outcome is told by events.
      entry.told.promise.catch(() => {});
      return [send.clientMessageId, entry] as const;
    });
    entries = new Map([...earlier, ...entries]);
  }

  store(async (from) => {
    try {
      load(await from.all());
    } finally {
      isLoaded = true;
      onLoaded();
    }
  });

  return {
    add(send) {
      const entry = makeEntry(send, false);
      entries.set(send.clientMessageId, entry);
      store((into) => into.put(send));
      return entry;
    },
    remove({ send }) {
      if (!entries.delete(send.clientMessageId)) return false;
      store((from) => from.remove(send.clientMessageId));
      return true;
    },
    find: (clientMessageId) => entries.get(clientMessageId),
    entries: () => [...entries.values()],
    clear: () => entries.clear(),
    isLoaded: () => isLoaded,
  };
}

function makeEntry(send: QueuedSend, isUncertain: boolean): QueueEntry {
  return { send, told: Promise.withResolvers(), isInFlight: false, isUncertain, failures: 0, retryAt: 0 };
}
