import type { MessageCache } from '#shared/cache/message-cache.ts';
import type { MessageCipher } from '#shared/keys/message-cipher.ts';
import type { ConversationIdentity } from '#shared/log/conversation.ts';
import type { ConversationLog, UnfitMessage } from '#shared/log/conversation-log.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import { makeRetries, policies } from '#shared/runtime/retries.ts';
import { passOver, type Telemetry } from '#shared/runtime/telemetry.ts';

export interface ReadMessagesDependencies {
  readonly log: ConversationLog;
  readonly cipher: MessageCipher;
  /** Fastest first. Their entries never change, so whatever opens is right. */
  readonly tiers: readonly MessageCache[];
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export interface OpenedMessage {
  readonly stored: StoredMessage;
  readonly content: string;
}

export interface ReadResult {
  /** Ascending. */
  readonly messages: readonly OpenedMessage[];
  /** Everything up to here is told. Below `to`: a message in between is not visible yet. */
  readonly through: number;
}

export interface Range {
  readonly from: number;
  /** Inclusive, and committed: at most `lastSeq`. */
  readonly to: number;
  /** The mailbox's. */
  readonly lastSeq: number;
  /** `sentAt` of the conversation's last message, milliseconds since the epoch. */
  readonly lastMessageAt: number;
}

export type ReadMessages = (conversation: ConversationIdentity, range: Range) => Promise<ReadResult>;

/**
 * What is kept above the database: a conversation's last messages, which are read again and again. What lies before
 * them a device reads once, when it comes back after a long time, and it would push out what others are reading.
 */
const keptPerConversation = 100;
/** Messages that each tier had: this environment's memory, then the cache. */
const tierCounters = ['ReadFromMemory', 'ReadFromCache'];
/** What is missing before something older than this will not come any more (deleted, or unreadable). */
const settledMs = 10_000;

/**
 * Whether something else of what was sent at `sentAt` (milliseconds since the epoch), or before it, may still become visible:
 * the rows of one transaction do so one by one.
 */
export const isYoung = (sentAt: number, clock: Clock): boolean => clock.now() - sentAt < settledMs;

/**
 * Reads a range of committed messages through memory, cache and database. It never moves over a hole that may still
 * fill, and never lets one bad row block what follows.
 */
export function makeReadMessages(dependencies: ReadMessagesDependencies): ReadMessages {
  const { log, tiers, clock, telemetry } = dependencies;
  const openAll = makeOpenAll(dependencies);
  const retries = makeRetries({ clock, random: dependencies.random });

  /** Through the tiers, the fastest first; what a slower one had is kept in the faster ones. */
  async function readTiers(conversation: ConversationIdentity, range: Range, found: Opened) {
    const { conversationId } = conversation;
    for (const [index, tier] of tiers.entries()) {
      const wanted = missingOf(range, found);
      const [lowest, highest] = [wanted[0], wanted.at(-1)];
      if (lowest === undefined || highest === undefined) return;
      const had = await tier.range(conversationId, lowest, highest);
      const entries = had.filter(({ seq }) => wanted.includes(seq));
      const unreadable = await openAll(conversation, entries, found);
      const opened = entries.length - unreadable.length;
      if (opened > 0) telemetry.count(tierCounters[index] ?? 'ReadFromCache', opened);
      await Promise.all(unreadable.map((seq) => tier.drop(conversationId, seq)));
      await keep(tiers.slice(0, index), entries, range, found);
    }
  }

  /** Returns what is there and does not open, or fit, with the time at which it was sent, where that is known. */
  async function readLog(conversation: ConversationIdentity, range: Range, found: Opened) {
    const { conversationId } = conversation;
    const unreadable = new Map<number, number | undefined>();
    const skipUnfit = ({ seq, sentAt, failure }: UnfitMessage) => {
      if (found.has(seq) || unreadable.has(seq)) return;
      unreadable.set(seq, sentAt);
      passOver(telemetry)(failure);
      telemetry.count('UnreadableMessage');
    };
    let missing = missingOf(range, found);
    if (missing.length === 0) return unreadable;
    await retries.asking(policies.holes, async () => {
      const [lowest, highest] = [Math.min(...missing), Math.max(...missing)];
      const stored = await log.messages(conversationId, lowest, highest, skipUnfit);
      const fresh = stored.filter(({ seq }) => missing.includes(seq));
      await openAll(conversation, fresh, found);
      const opened = fresh.filter(({ seq }) => found.has(seq)).length;
      if (opened > 0) telemetry.count('ReadFromDatabase', opened);
      await keep(tiers, fresh, range, found);
      // A row that is there and does not open will not get better by reading it again.
      for (const one of fresh) if (!found.has(one.seq)) unreadable.set(one.seq, one.sentAt);
      missing = missing.filter((seq) => !found.has(seq) && !unreadable.has(seq));
      return missing.length === 0 || undefined;
    });
    return unreadable;
  }

  /** The first of `holes` (ascending) that may still fill, or open: it, or what comes after it, was sent a moment ago. */
  async function firstYoung(
    conversationId: string,
    { to, lastSeq, lastMessageAt }: Range,
    holes: readonly number[],
    found: Opened,
    unreadable: ReadonlyMap<number, number | undefined>,
  ): Promise<number | undefined> {
    if (holes.length === 0) return undefined;
    const there = [...found.values()].map(({ stored: { seq, sentAt } }): Sent => ({ seq, sentAt }));
    for (const [seq, sentAt] of unreadable) if (sentAt !== undefined) there.push({ seq, sentAt });
    there.sort(bySeq);
    let above: Promise<Sent | undefined> | undefined;
    for (const hole of holes) {
      const own = unreadable.get(hole);
      if (own !== undefined && !isYoung(own, clock)) continue;
      const next = there.find(({ seq }) => seq > hole);
      if (!next && to < lastSeq) above ??= log.firstMessage(conversationId, to + 1);
      if (isYoung((next ?? (await above))?.sentAt ?? lastMessageAt, clock)) return hole;
    }
    return undefined;
  }

  return async (conversation, range) => {
    const { conversationId } = conversation;
    const found: Opened = new Map();
    await readTiers(conversation, range, found);
    const unreadable = await readLog(conversation, range, found);

    const holes = missingOf(range, found);
    const young = await firstYoung(conversationId, range, holes, found, unreadable);
    const skipped = holes.filter((seq) => seq < (young ?? Number.POSITIVE_INFINITY));
    if (skipped.length > 0) {
      telemetry.warn('messages skipped', { conversationId, from: skipped[0], count: skipped.length });
      telemetry.count('MessagesSkipped', skipped.length);
    }
    const through = young === undefined ? range.to : young - 1;
    return { messages: inOrder(found, through), through };
  };
}

type Opened = Map<number, OpenedMessage>;
type Sent = Pick<StoredMessage, 'seq' | 'sentAt'>;

/** Keeps in `tiers` what opened and is among the conversation's last. */
async function keep(
  tiers: readonly MessageCache[],
  entries: readonly StoredMessage[],
  { lastSeq }: Range,
  found: Opened,
): Promise<void> {
  const kept = entries.filter(({ seq }) => found.has(seq) && seq > lastSeq - keptPerConversation);
  if (kept.length > 0) await Promise.all(tiers.map((tier) => tier.put(...kept)));
}

/** The content of a message, or `undefined`, which is counted, where nobody can read it any more. */
export async function openMessage(
  { cipher, telemetry }: Pick<ReadMessagesDependencies, 'cipher' | 'telemetry'>,
  { conversationId, keySalt }: ConversationIdentity,
  stored: StoredMessage,
): Promise<string | undefined> {
  try {
    return await cipher.open(stored, keySalt, stored.ciphertext);
  } catch (error) {
    if (!(error instanceof UnreadableMessage)) throw error;
    telemetry.error('unreadable message', error, { conversationId, seq: stored.seq });
    telemetry.count('UnreadableMessage');
    return undefined;
  }
}

/** Opens `entries` into `found`; returns the seqs of those that did not open. */
function makeOpenAll(dependencies: ReadMessagesDependencies) {
  return async (
    conversation: ConversationIdentity,
    entries: readonly StoredMessage[],
    found: Opened,
  ): Promise<number[]> => {
    const unreadable: number[] = [];
    for (const stored of entries) {
      const content = await openMessage(dependencies, conversation, stored);
      if (content === undefined) unreadable.push(stored.seq);
      else found.set(stored.seq, { stored, content });
    }
    return unreadable;
  };
}

const bySeq = (one: Sent, other: Sent): number => one.seq - other.seq;

function inOrder(found: Opened, through: number): OpenedMessage[] {
  return [...found.values()]
    .filter(({ stored }) => stored.seq <= through)
    .sort((one, other) => bySeq(one.stored, other.stored));
}

function missingOf({ from, to }: Range, found: Opened): number[] {
  const seqs = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  return seqs.filter((seq) => !found.has(seq));
}
