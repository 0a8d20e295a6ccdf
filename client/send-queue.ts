import type { Message } from '#shared/protocol/replies.ts';
import { type Clock, within } from './clock.ts';
import { type Deferred, defer } from './deferred.ts';
import { isQueuedSend, type OutboxStorage, type QueuedSend } from './outbox-storage.ts';
import { makeTabs } from './tabs.ts';

export interface QueueEntry {
  send: QueuedSend;
  readonly told: Deferred<Message>;
  isInFlight: boolean;
  /** It may be committed: its connection ended before the reply. */
  isUncertain: boolean;
  /** It comes from an earlier run, so that nobody knows how long ago it was sent. */
  isOld: boolean;
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
  /** Forgets what was known of the conversations' ends: the data are another life's. */
  forgetEnds(): void;
  /** Forgets them all, but for the storage, which others may take over. */
  close(): void;
  /** Whether those of an earlier run are here, which go first. */
  isLoaded(): boolean;
}

interface SendQueueOptions {
  readonly storage: OutboxStorage | undefined;
  readonly clock: Clock;
  onLoaded(): void;
  onStorageError(error: unknown): void;
}

/** IndexedDB may open never; what it does after this is still taken. */
const longestWaitMs = 10_000;

export function makeSendQueue(options: SendQueueOptions): SendQueue {
  const { storage, clock, onLoaded, onStorageError } = options;
  const tabs = makeTabs(onStorageError);
  let entries = new Map<string, QueueEntry>();
  let isLoaded = storage === undefined;
  let isClosed = false;
  let owner: string | undefined;
  /** One operation after the other: a removal must not overtake what put it there. */
  let stored: Promise<unknown> = Promise.resolve();

  function store(operation: (storage: OutboxStorage) => unknown): void {
    if (!storage) return;
    const late = () => new Error(`The storage has not answered within ${longestWaitMs / 1_000} s.`);
    const run = async () => await operation(storage);
    stored = stored.then(() => within(run(), { clock, ms: longestWaitMs, late })).catch(onStorageError);
  }

  const owned = (send: QueuedSend): QueuedSend => (owner === undefined ? send : { ...send, owner });

  /** Writes `send`, and takes it back if that ended only after it was confirmed. */
  async function put(into: OutboxStorage, send: QueuedSend): Promise<void> {
    await into.put(owned(send));
    if (!isClosed && !entries.has(send.clientMessageId)) await into.remove(send.clientMessageId);
  }

  function adopt(found: readonly QueuedSend[]): void {
    const oldestFirst = [...found].sort((one, other) => one.queuedAt - other.queuedAt);
    const earlier = oldestFirst.map((send) => {
      const entry = makeEntry(send, true);
      // Nobody holds this promise any more: its outcome is told by events.
      entry.told.promise.catch(() => {});
      return [send.clientMessageId, entry] as const;
    });
    entries = new Map([...earlier, ...entries]);
    onLoaded();
  }

  /** Takes over what `from` has of another owner, who is gone. */
  async function takeOver(from: OutboxStorage, other: string): Promise<void> {
    const left = await storedIn(from, other);
    if (isClosed) return;
    adopt(left.filter(({ clientMessageId }) => !entries.has(clientMessageId)));
    for (const send of left) if (owner !== undefined) await put(from, send);
  }

  async function load(from: OutboxStorage): Promise<void> {
    owner = await tabs.begin();
    const others = new Set((await from.all()).filter(isQueuedSend).map(ownerOf));
    for (const other of others) await tabs.takeOver(other, () => takeOver(from, other));
  }

  function finishLoading(): void {
    isLoaded = true;
    onLoaded();
  }

  if (storage) {
    store(load);
    stored = stored.then(finishLoading);
  }

  return {
    add(send) {
      const entry = makeEntry(send, false);
      entries.set(send.clientMessageId, entry);
      store((into) => put(into, send));
      return entry;
    },
    remove({ send }) {
      if (!entries.delete(send.clientMessageId)) return false;
      store((from) => from.remove(send.clientMessageId));
      return true;
    },
    find: (clientMessageId) => entries.get(clientMessageId),
    entries: () => [...entries.values()],
    forgetEnds() {
      for (const entry of entries.values()) {
        const { after: _, ...send } = entry.send;
        entry.send = send;
        store((into) => put(into, send));
      }
    },
    close() {
      isClosed = true;
      entries.clear();
      // What is still being written has to be there for whoever takes over.
      void stored.then(tabs.close);
    },
    isLoaded: () => isLoaded,
  };
}

const ownerOf = ({ owner = '' }: QueuedSend) => owner;

async function storedIn(storage: OutboxStorage, owner: string): Promise<QueuedSend[]> {
  return (await storage.all()).filter(isQueuedSend).filter((send) => ownerOf(send) === owner);
}

function makeEntry(send: QueuedSend, isOld: boolean): QueueEntry {
  return { send, told: defer(), isInFlight: false, isUncertain: isOld, isOld, failures: 0, retryAt: 0 };
}
