import type { ConversationIdentity } from '#shared/log/conversation.ts';
import { viewMessage } from '#shared/log/message-view.ts';
import type { MailboxNumbers } from '#shared/mailboxes/mailboxes.ts';
import {
  isYoung,
  makeReadMessages,
  type ReadMessagesDependencies,
  type ReadResult,
} from '#shared/reading/read-messages.ts';
import { passOver } from '#shared/runtime/telemetry.ts';
import type { Actor } from '#shared/sign-in/actor.ts';
import type { Pager } from './drain-pages.ts';

/** A conversation of which the device has not got everything. */
export interface Behind {
  readonly mailbox: MailboxNumbers;
  /** Up to here the device has it. */
  readonly position: number;
}

interface Identified extends Behind {
  readonly identity: ConversationIdentity;
}

/** Time for the pages. The function has 25 s, and a client that is told `more` comes again. */
const drainMs = 15_000;
/** Messages of one conversation that are read at once. */
const chunk = 100;
/** Conversations that are in memory, the one that is being sent included: below chunk × this × 16 KB. */
const heldConversations = 8;
/** Conversations whose members and salts are read at once: one batch. An end marker names three or four times as many. */
const identifiedAtOnce = 100;

/**
 * Sends what the device has not got, one conversation after the other, and the end marker. However much there is, it
 * ends in time and holds a bounded part of it: what is read waits for what is posted.
 */
export function makeDrain(dependencies: ReadMessagesDependencies) {
  const { clock } = dependencies;
  const readMessages = makeReadMessages(dependencies);

  const read = ({ identity, mailbox }: Identified, after: number): Promise<ReadResult> =>
    readMessages(identity, {
      from: after + 1,
      to: Math.min(after + chunk, mailbox.lastSeq),
      lastSeq: mailbox.lastSeq,
      lastMessageAt: mailbox.lastMessageAt,
    });

  /** Sends one conversation from its first chunk on; whether all of it was sent. */
  async function drainOne(one: Identified, first: ReadResult, pager: Pager, stopAt: number) {
    const { identity, mailbox } = one;
    let asked = Math.min(one.position + chunk, mailbox.lastSeq);
    for (let result = first; ; result = await read(one, result.through)) {
      for (const { stored, content } of result.messages) {
        // Each post may be slow: a hundred of them could outlive the function.
        if (clock.now() >= stopAt) return false;
        const isTaken = await pager.add(viewMessage(stored, content, identity, mailbox.userId), mailbox);
        if (!isTaken) return false;
      }
      if (result.through < asked) return false;
      if (result.through === mailbox.lastSeq) return true;
      if (clock.now() >= stopAt) return false;
      asked = Math.min(result.through + chunk, mailbox.lastSeq);
    }
  }

  return async ({ userId, expiresAt }: Actor, behind: readonly Behind[], pager: Pager): Promise<void> => {
    const stopAt = Math.min(clock.now() + drainMs, expiresAt);
    let complete = true;
    const ahead = makeReadAhead(
      (group) => identify(dependencies, userId, group),
      (one) => read(one, one.position),
      behind,
    );
    try {
      for (let turn = await ahead.next(); turn; turn = await ahead.next()) {
        if (clock.now() >= stopAt || !pager.canName(turn.one.mailbox)) {
          complete = false;
          break;
        }
        complete = (await drainOne(turn.one, await turn.first, pager, stopAt)) && complete;
      }
    } finally {
      // A Lambda freezes what is not awaited: also the reading of one whose turn did not end well.
      await ahead.settled();
    }
    await pager.finish(!complete || ahead.hasLeftOut());
  };
}

/** Those whose members and salts can be had, in their order, and whether one is left out that may still become visible. */
async function identify(
  { log, clock, telemetry }: ReadMessagesDependencies,
  userId: string,
  group: readonly Behind[],
): Promise<{ readonly identified: Identified[]; readonly leftOut: boolean }> {
  const unfit = new Set<unknown>();
  const identities = await log.identities(
    userId,
    group.map(({ mailbox }) => mailbox.conversationId),
    (failure) => {
      unfit.add(failure.key.conversationId);
      passOver(telemetry)(failure);
    },
  );
  const identified: Identified[] = [];
  let leftOut = false;
  for (const one of group) {
    const { conversationId, lastMessageAt } = one.mailbox;
    const identity = identities.get(conversationId);
    if (identity) identified.push({ ...one, identity });
    else if (!unfit.has(conversationId)) {
      // Its row was deleted, or names other members, or is not visible yet.
      telemetry.warn('conversation without a head', { conversationId });
      leftOut ||= isYoung(lastMessageAt, clock);
    }
  }
  return { identified, leftOut };
}

/**
 * The conversations one by one, each with its first chunk, which is read while those before it are being sent. At most
 * `heldConversations` are held, the one whose turn it is included.
 */
function makeReadAhead(
  identifyGroup: (group: readonly Behind[]) => ReturnType<typeof identify>,
  readFirst: (one: Identified) => Promise<ReadResult>,
  behind: readonly Behind[],
) {
  const held: { readonly one: Identified; readonly first: Promise<ReadResult> }[] = [];
  let leftOut = false;
  let waiting: Identified[] = [];
  let seen = 0;

  async function nextIdentified(): Promise<Identified | undefined> {
    while (waiting.length === 0 && seen < behind.length) {
      const found = await identifyGroup(behind.slice(seen, seen + identifiedAtOnce));
      seen += identifiedAtOnce;
      waiting = found.identified;
      leftOut ||= found.leftOut;
    }
    return waiting.shift();
  }

  return {
    /** The next one's turn; the one before it has been dealt with. */
    async next() {
      held.shift();
      while (held.length < heldConversations) {
        const one = await nextIdentified();
        if (!one) break;
        const first = readFirst(one);
        // Its failure is met when its turn comes.
        first.catch(() => {});
        held.push({ one, first });
      }
      return held[0];
    },
    settled: () => Promise.allSettled(held.map(({ first }) => first)),
    /** Whether one was passed over that may still become visible. */
    hasLeftOut: () => leftOut,
  };
}
