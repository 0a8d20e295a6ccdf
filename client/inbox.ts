import type { Message } from '#shared/protocol/replies.ts';

/** Seqs that will never come: deleted from the table, or unreadable. Both ends inclusive. */
export interface Gap {
  readonly conversationId: string;
  readonly from: number;
  readonly to: number;
}

/** Puts messages into order and hands each on once. */
export interface Inbox {
  /**
   * Takes a message from wherever it came. `after`: nothing exists between that seq and the message's own, as a page tells
   * of two that follow each other.
   */
  accept(message: Message, after?: number): void;
  /** Where each conversation stands: the highest seq up to which everything was handled. */
  positions(): ReadonlyMap<string, number>;
  /** Names where a conversation begins for this device, unless that is known. */
  begin(conversationId: string, position: number): void;
  /** From now on a conversation of which nothing is known begins at 0. */
  knowAll(): void;
  knowsAll(): boolean;
  /** Resolves when everything that can be handed on has been handled, of one conversation or of all. */
  settled(conversationId?: string): Promise<void>;
  /** Conversations with a message that is held back: something below it is missing. */
  behind(): string[];
  /** How far everything was handed on, and up to where there is something. */
  extent(conversationId: string): { readonly taken: number; readonly known: number };
  /** Gives up what is missing below the next message that is held, or below `known` if none is. */
  skip(conversationId: string): void;
}

interface InboxOptions {
  /** The message is handled, and its position rises, when this resolves. */
  onMessage(message: Message): Promise<void>;
  onGap(gap: Gap): Promise<void>;
  /** The position has risen to this one. */
  onHandled(message: Message): void;
  /** Something is missing below a message that is held back. */
  onBehind(conversationId: string): void;
  /** What this device holds already; it then names every conversation that is not new. */
  readonly positions: Readonly<Record<string, number>> | undefined;
}

interface Held {
  readonly message: Message;
  after: number;
}

interface Log {
  /** All up to here was handled. */
  position: number;
  /** All up to here was handed on; at most the next one is being handled. */
  taken: number;
  /** The highest seq that was seen. */
  known: number;
  readonly held: Map<number, Held>;
  delivering: Promise<void> | undefined;
}

/** Beyond it, what is held back in a conversation is let go and read again: memory stays bounded. */
const mostHeld = 1_000;

export function makeInbox(options: InboxOptions): Inbox {
  const logs = new Map<string, Log>();
  /** Messages of conversations whose beginning is still being asked for. */
  const early = new Map<string, Message[]>();
  let knowsAll = options.positions !== undefined;
  for (const [conversationId, position] of Object.entries(options.positions ?? {}))
    logs.set(conversationId, makeLog(position));

  async function deliver(conversationId: string, log: Log): Promise<void> {
    for (let next = nextOf(log); next; next = nextOf(log)) {
      const { message } = next;
      const gap = { conversationId, from: log.taken + 1, to: message.seq - 1 };
      log.taken = message.seq;
      log.held.delete(message.seq);
      if (gap.from <= gap.to) await options.onGap(gap);
      await options.onMessage(message);
      log.position = message.seq;
      options.onHandled(message);
    }
    log.delivering = undefined;
    if (log.known > log.taken) options.onBehind(conversationId);
  }

  function handOn(conversationId: string, log: Log): void {
    if (log.delivering) return;
    if (nextOf(log)) log.delivering = deliver(conversationId, log);
    else if (log.known > log.taken) options.onBehind(conversationId);
  }

  function hold(log: Log, message: Message, after: number): void {
    const { seq, conversationId } = message;
    if (seq <= log.taken) return;
    log.known = Math.max(log.known, seq);
    const same = log.held.get(seq);
    if (same) same.after = Math.min(same.after, after);
    else if (log.held.size < mostHeld || after <= log.taken) log.held.set(seq, { message, after });
    handOn(conversationId, log);
  }

  function logOf(conversationId: string): Log | undefined {
    const known = logs.get(conversationId);
    if (known || !knowsAll) return known;
    const log = makeLog(0);
    logs.set(conversationId, log);
    return log;
  }

  function begin(conversationId: string, position: number): void {
    if (logs.has(conversationId)) return;
    const log = makeLog(position);
    logs.set(conversationId, log);
    for (const message of early.get(conversationId) ?? []) hold(log, message, message.seq - 1);
    early.delete(conversationId);
  }

  return {
    accept(message, after = message.seq - 1) {
      const log = logOf(message.conversationId);
      if (log) hold(log, message, after);
      else early.set(message.conversationId, [...(early.get(message.conversationId) ?? []), message]);
    },
    positions: () => new Map([...logs].map(([id, { position }]) => [id, position])),
    begin,
    knowAll() {
      knowsAll = true;
      for (const conversationId of [...early.keys()]) begin(conversationId, 0);
    },
    knowsAll: () => knowsAll,
    async settled(conversationId) {
      const waiting = conversationId === undefined ? [...logs.values()] : [logs.get(conversationId)];
      await Promise.all(waiting.map((log) => log?.delivering));
    },
    behind: () => [...logs].flatMap(([id, { known, taken }]) => (known > taken ? [id] : [])),
    extent: (conversationId) => logs.get(conversationId) ?? { taken: 0, known: 0 },
    skip(conversationId) {
      const log = logs.get(conversationId);
      if (!log) return;
      const lowest = log.held.get(Math.min(...log.held.keys()));
      if (lowest) lowest.after = log.taken;
      else log.known = log.taken;
      handOn(conversationId, log);
    },
  };
}

function makeLog(position: number): Log {
  return { position, taken: position, known: position, held: new Map(), delivering: undefined };
}

/** The lowest message that is held, if nothing is missing below it. */
function nextOf({ held, taken }: Log): Held | undefined {
  if (held.size === 0) return undefined;
  const lowest = held.get(Math.min(...held.keys()));
  if (lowest && lowest.after <= taken) return lowest;
  // A page that leads from here to a higher message passed over what is missing below the lowest, too.
  return [...held.values()].some(({ after }) => after <= taken) ? lowest : undefined;
}
