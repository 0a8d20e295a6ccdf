import { hourOf, type Mailbox } from '#shared/mailboxes/mailbox.ts';
import { limits } from '#shared/protocol/limits.ts';
import type { Clock, Random, RandomBytes } from '#shared/runtime/clock.ts';
import { makeRetries, policies } from '#shared/runtime/retries.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { type Conversation, directConversationId } from './conversation.ts';
import type { StoredMessage } from './message.ts';
import { noRecentSends, type RecentSends, rememberSend } from './recent-sends.ts';

/** What a repair reads of an entry. */
export type Entry = Pick<StoredMessage, 'seq' | 'senderId' | 'senderCount' | 'sentAt' | 'clientMessageId'>;

/** A member's row, or that there is none. */
export type MemberRow = Pick<Mailbox, 'userId'> & { readonly row: Mailbox | undefined };

/** The rows of a conversation that say where it ends, each as it was read. */
export interface Standing {
  readonly conversationId: string;
  readonly head: Conversation | undefined;
  readonly mailboxes: readonly MemberRow[];
}

/** A mailbox as it should be. */
export type RepairedMailbox = Mailbox & { readonly activeHour: number };

/** What the rows should be; without an `end` they should not be there. */
export interface Repair {
  readonly end?: { readonly head: Conversation; readonly mailboxes: readonly RepairedMailbox[] };
}

export interface RepairStore {
  /** Of a conversation whose head is not there, `undefined`. */
  members(conversationId: string): Promise<readonly [string, string] | undefined>;
  read(conversationId: string, members: readonly [string, string]): Promise<Standing>;
  /** Entries from the highest on downwards, in pages: as many as are asked for. */
  newestFirst(conversationId: string): AsyncIterable<readonly Entry[]>;
  /** In one transaction, if the rows are still as they were read; whether they were. */
  write(standing: Standing, repair: Repair): Promise<boolean>;
}

export interface RepairOptions {
  /** Those of the conversation's id, for one whose head may be lost. */
  readonly members?: readonly [string, string];
  /**
   * Whether the log may end before what rows say: before anybody has connected to data that were restored. Afterwards
   * devices may have moved over the places without an entry, so that what is new must come above them.
   */
  readonly mayGoBack: boolean;
}

/** `unknown`: it has no head, and nobody said who its members are. `busy`: it has grown a moment ago, or keeps growing, so nothing is wrong with it. */
export type Repaired = 'whole' | 'repaired' | 'unknown' | 'busy';

export type RepairConversation = (conversationId: string, options: RepairOptions) => Promise<Repaired>;

interface Dependencies {
  readonly store: RepairStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly randomBytes: RandomBytes;
  readonly telemetry: Telemetry;
}

/**
 * After this long all of a commit is visible, or never will be: the rows of a transaction become so one by one, and an entry
 * that is not there yet would be taken for one that was undone. Restored tables are older by far.
 */
const settledMs = 40_000;
/** So many entries are looked through for what members have sent, at most. */
const mostEntries = 5_000;

/**
 * Brings rows to agree that tables have of different moments, after a restore: head and mailboxes end where the highest
 * entry stands, or, where they must not go back, where any of them does. Safe beside sends: it writes only what nobody
 * has changed meanwhile, nothing within 40 s of a message, and rows that agree it leaves alone.
 */
export function makeRepairConversation(dependencies: Dependencies): RepairConversation {
  const { store, randomBytes, telemetry } = dependencies;
  const retries = makeRetries(dependencies);

  return async (conversationId, { members: named, mayGoBack }) => {
    const isRight = named !== undefined && directConversationId(...named) === conversationId;
    const members = isRight ? named : await store.members(conversationId);
    if (!members) return 'unknown';
    const outcome = await retries.asking(policies.repair, async (): Promise<Repaired | undefined> => {
      // The rows first: an entry that comes after them comes with rows that are no longer as they were read.
      const standing = await store.read(conversationId, members);
      const { highest, sends } = await readSends(store.newestFirst(conversationId), members);
      if (dependencies.clock.now() - newestOf(standing, highest) < settledMs) return 'busy';
      const repair = planRepair(standing, members, {
        highest,
        sends,
        mayGoBack,
        newSalt: () => randomBytes(32),
      });
      if (isAsPlanned(standing, repair)) return 'whole';
      return (await store.write(standing, repair)) ? 'repaired' : undefined;
    });
    if (outcome === 'repaired') {
      telemetry.warn('conversation repaired', { conversationId });
      telemetry.count('ConversationRepaired');
    }
    return outcome ?? 'busy';
  };
}

/** When the last of all that the rows know of was sent, milliseconds since the epoch. */
function newestOf({ head, mailboxes }: Standing, highest: Entry | undefined): number {
  const rows = [head, ...mailboxes.map(({ row }) => row)];
  return Math.max(highest?.sentAt ?? 0, ...rows.map((row) => row?.lastMessageAt ?? 0));
}

/** What the log tells of a member's sends. */
interface Sends {
  readonly recent: RecentSends;
  readonly count: number;
}
interface LogEnd {
  readonly highest: Entry | undefined;
  readonly sends: ReadonlyMap<string, Sends>;
}

/** Reads downwards until each member's remembered sends are together. */
async function readSends(
  pages: AsyncIterable<readonly Entry[]>,
  members: readonly [string, string],
): Promise<LogEnd> {
  const own = new Map<string, Entry[]>(members.map((userId) => [userId, []]));
  let highest: Entry | undefined;
  let seen = 0;
  // Every place is one member's or the other's.
  const countOf = (userId: string): number => {
    const last = own.get(userId)?.[0];
    if (last || !highest) return last?.senderCount ?? 0;
    return Math.max(0, highest.seq - highest.senderCount);
  };
  const isTogether = () =>
    members.every(
      (userId) => (own.get(userId)?.length ?? 0) >= Math.min(limits.rememberedSends, countOf(userId)),
    );
  for await (const page of pages) {
    for (const entry of page) {
      highest ??= entry;
      own.get(entry.senderId)?.push(entry);
    }
    seen += page.length;
    if (isTogether() || seen >= mostEntries) break;
  }
  const sends = members.map((userId): [string, Sends] => {
    const oldestFirst = (own.get(userId) ?? []).slice(0, limits.rememberedSends).reverse();
    const recent = oldestFirst.reduce(
      (sum, { clientMessageId, seq }) => rememberSend(sum, clientMessageId, seq),
      noRecentSends,
    );
    return [userId, { recent, count: countOf(userId) }];
  });
  return { highest, sends: new Map(sends) };
}

interface Rule extends LogEnd {
  readonly mayGoBack: boolean;
  readonly newSalt: () => Uint8Array;
}

/** What each row should be. */
export function planRepair(
  { conversationId, head, mailboxes }: Standing,
  members: readonly [string, string],
  { highest, sends, mayGoBack, newSalt }: Rule,
): Repair {
  const told = [head, ...mailboxes.map(({ row }) => row)].filter((row) => row !== undefined);
  const ends = mayGoBack ? [] : told;
  const lastSeq = Math.max(highest?.seq ?? 0, ...ends.map((row) => row.lastSeq));
  if (lastSeq === 0) return {};
  const times = ends.filter((row) => row.lastSeq === lastSeq).map((row) => row.lastMessageAt);
  const lastMessageAt = highest?.seq === lastSeq ? highest.sentAt : Math.max(...times);
  const ofLog = { conversationId, lastSeq, lastMessageAt };
  return {
    end: {
      // Without the salt nobody opens what was sealed under it; what comes can be read again.
      head: { ...ofLog, members: head?.members ?? members, keySalt: head?.keySalt ?? newSalt() },
      mailboxes: mailboxes.map(({ userId, row }): RepairedMailbox => {
        const { recent = noRecentSends, count = 0 } = sends.get(userId) ?? {};
        const sentCount = mayGoBack ? count : Math.max(count, row?.sentCount ?? 0);
        const readSeq = Math.min(row?.readSeq ?? 0, lastSeq);
        const isCut = readSeq < (row?.readSeq ?? 0);
        return {
          ...{ userId, ...ofLog, activeHour: hourOf(lastMessageAt), recentSends: recent, sentCount },
          ...{ readSeq, deliveredSeq: Math.min(row?.deliveredSeq ?? 0, lastSeq) },
          sentCountAtRead: isCut ? sentCount : Math.min(row?.sentCountAtRead ?? 0, sentCount),
        };
      }),
    },
  };
}

function isAsPlanned({ head, mailboxes }: Standing, { end }: Repair): boolean {
  if (!end) return !head && mailboxes.every(({ row }) => !row);
  return (
    head?.lastSeq === end.head.lastSeq &&
    mailboxes.every(({ row }, index) => {
      const planned = end.mailboxes[index];
      return row && planned && isSame(row, planned);
    })
  );
}

function isSame(row: Mailbox, planned: Mailbox): boolean {
  return (
    row.lastSeq === planned.lastSeq &&
    row.deliveredSeq === planned.deliveredSeq &&
    row.readSeq === planned.readSeq &&
    row.sentCount === planned.sentCount &&
    row.sentCountAtRead === planned.sentCountAtRead &&
    row.recentSends.length === planned.recentSends.length &&
    row.recentSends.every((byte, index) => byte === planned.recentSends[index])
  );
}
