import type { Message } from '#shared/protocol/replies.ts';
import type { Clock } from './clock.ts';
import { makePatience } from './patience.ts';

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
  /** The highest seq of each conversation that was handed on: what this client need not be given again. */
  taken(): ReadonlyMap<string, number>;
  /** The highest seq that was seen of each conversation. */
  ends(): ReadonlyMap<string, number>;
  /** Names where a conversation begins for this device, unless that is known. */
  begin(conversationId: string, position: number): void;
  /** From now on a conversation of which nothing is known begins at 0. */
  knowAll(): void;
  knowsAll(): boolean;
  /** Resolves when everything that can be handed on has been handled, but for conversations whose listener is slow. */
  settled(): Promise<void>;
  /** The same of one conversation, however slow. */
  finished(conversationId: string): Promise<void>;
  /** Conversations whose listener is slow: nothing is asked for, and `onResumed` is called when one goes on. */
  passOver(): ReadonlySet<string>;
  /** Conversations with a message that is held back: something below it is missing. */
  behind(): string[];
  /** How far everything was handed on, and up to where there is something. */
  extent(conversationId: string): { readonly taken: number; readonly known: number };
  /** Gives up what is missing below the next message that is held, or below `known` if none is. */
  skip(conversationId: string): void;
  /** Forgets everything: the data are another life's. */
  reset(): void;
  /** Hands nothing on any more. */
  close(): void;
}

interface InboxOptions {
  readonly clock: Clock;
  /** The message is handled, and its position rises, when this resolves. */
  onMessage(message: Message): Promise<void>;
  onGap(gap: Gap): Promise<void>;
  /** Everything up to this position was handled; the message is the one that made it rise. */
  onHandled(message: Message, position: number): void;
  /** Something is missing below a message that is held back. */
  onBehind(conversationId: string): void;
  /** A conversation that was passed over goes on. */
  onResumed(): void;
  /** A listener has not ended after so many milliseconds; its conversation goes on without it. */
  onLate(ms: number): void;
  /** What this device holds already; it then names every conversation that is not new. */
  readonly positions: Readonly<Record<string, number>> | undefined;
}

interface Held {
  readonly message: Message;
  after: number;
}

interface Log {
  /** All up to here was handed on; at most the next one is being handled. */
  taken: number;
  /** The highest seq that was seen. */
  known: number;
  readonly held: Map<number, Held>;
  delivering: Promise<void> | undefined;
  /** Seqs that were handed on, and whose listeners have not ended; each with the position below it. */
  readonly unfinished: Map<number, number>;
  /** Waits for listeners, one message after the other. */
  readonly patience: ReturnType<typeof makePatience>;
  isPassedOver: boolean;
  /** Nothing of it counts any more. */
  isOver: boolean;
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

  function makeLog(position: number): Log {
    const patience = makePatience(options.clock, options.onLate);
    const marks = { taken: position, known: position };
    return {
      ...marks,
      held: new Map(),
      delivering: undefined,
      unfinished: new Map(),
      patience,
      isPassedOver: false,
      isOver: false,
    };
  }

  async function deliver(conversationId: string, log: Log): Promise<void> {
    for (let next = nextOf(log); next && !log.isOver; next = nextOf(log)) {
      const { message } = next;
      const gap = { conversationId, from: log.taken + 1, to: message.seq - 1 };
      log.unfinished.set(message.seq, log.taken);
      log.taken = message.seq;
      log.held.delete(message.seq);
      if (gap.from <= gap.to) await log.patience.wait(options.onGap(gap));
      if (!log.isOver) await log.patience.wait(options.onMessage(message).then(() => finish(log, message)));
    }
    log.delivering = undefined;
    log.patience.release();
    if (log.isOver) return;
    if (log.isPassedOver) {
      log.isPassedOver = false;
      options.onResumed();
    }
    if (log.known > log.taken) options.onBehind(conversationId);
  }

  /** What was given up as late may end after all, and in any order. */
  function finish(log: Log, message: Message): void {
    const before = positionOf(log);
    log.unfinished.delete(message.seq);
    const position = positionOf(log);
    if (!log.isOver && position > before) options.onHandled(message, position);
  }

  function handOn(conversationId: string, log: Log): void {
    if (log.delivering) return;
    if (nextOf(log)) log.delivering = deliver(conversationId, log);
    else if (log.known > log.taken) options.onBehind(conversationId);
  }

  function hold(log: Log, message: Message, after: number): void {
    const { seq, conversationId } = message;
    if (seq <= log.taken || log.isOver) return;
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

  function end(): void {
    for (const log of logs.values()) {
      log.isOver = true;
      log.patience.end();
    }
  }

  const isSlow = ({ delivering, patience }: Log) => delivering !== undefined && patience.isShort();

  return {
    accept(message, after = message.seq - 1) {
      const log = logOf(message.conversationId);
      if (log) hold(log, message, after);
      else early.set(message.conversationId, [...(early.get(message.conversationId) ?? []), message]);
    },
    positions: () => new Map([...logs].map(([id, log]) => [id, positionOf(log)])),
    taken: () => new Map([...logs].map(([id, { taken }]) => [id, taken])),
    ends: () => new Map([...logs].map(([id, { known }]) => [id, known])),
    begin,
    knowAll() {
      knowsAll = true;
      for (const conversationId of [...early.keys()]) begin(conversationId, 0);
    },
    knowsAll: () => knowsAll,
    async settled() {
      const busy = [...logs.values()].filter(({ delivering }) => delivering);
      await Promise.all(busy.map(({ patience }) => patience.released()));
    },
    async finished(conversationId) {
      await logs.get(conversationId)?.delivering;
    },
    passOver() {
      const slow = [...logs].filter(([, log]) => isSlow(log));
      for (const [, log] of slow) log.isPassedOver = true;
      return new Set(slow.map(([id]) => id));
    },
    behind: () => [...logs].flatMap(([id, log]) => (log.known > log.taken && !isSlow(log) ? [id] : [])),
    extent: (conversationId) => logs.get(conversationId) ?? { taken: 0, known: 0 },
    skip(conversationId) {
      const log = logs.get(conversationId);
      if (!log) return;
      const lowest = log.held.get(Math.min(...log.held.keys()));
      if (lowest) lowest.after = log.taken;
      else log.known = log.taken;
      handOn(conversationId, log);
    },
    reset() {
      end();
      logs.clear();
      early.clear();
      knowsAll = options.positions !== undefined;
    },
    close: end,
  };
}

/** The highest seq up to which everything was handled. */
function positionOf({ taken, unfinished }: Log): number {
  return unfinished.size === 0 ? taken : Math.min(...unfinished.values());
}

/** The lowest message that is held, if nothing is missing below it. */
function nextOf({ held, taken }: Log): Held | undefined {
  if (held.size === 0) return undefined;
  const lowest = held.get(Math.min(...held.keys()));
  if (lowest && lowest.after <= taken) return lowest;
  // A page that leads from here to a higher message passed over what is missing below the lowest, too.
  return [...held.values()].some(({ after }) => after <= taken) ? lowest : undefined;
}
