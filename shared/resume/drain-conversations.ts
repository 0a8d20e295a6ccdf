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
/** Messages of one conversation that are read at once, and sent before others have their turn. */
const chunk = 100;
/** Conversations that are in memory, the one that is being sent included: below chunk × this × 16 KB. */
const heldConversations = 8;
/** Conversations whose members and salts are read at once: one batch. An end marker names three or four times as many. */
const identifiedAtOnce = 100;

/**
 * Sends what the device has not got, a chunk of each conversation in turn, and the end marker. However much there is, it
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

  /** Sends a chunk of one conversation: up to which seq, or `undefined` where not all of it could be sent. */
  async function drainChunk(
    { identity, mailbox, position }: Identified,
    { messages, through }: ReadResult,
    pager: Pager,
    stopAt: number,
  ): Promise<number | undefined> {
    for (const { stored, content } of messages) {
      // Each post may be slow: a hundred of them could outlive the function.
      if (clock.now() >= stopAt) return undefined;
      const isTaken = await pager.add(viewMessage(stored, content, identity, mailbox.userId), mailbox);
      if (!isTaken) return undefined;
    }
    return through < Math.min(position + chunk, mailbox.lastSeq) ? undefined : through;
  }

  /** Sends a chunk of each; what is left of them, and whether nothing else is missing. */
  async function drainTurn(userId: string, behind: readonly Behind[], pager: Pager, stopAt: number) {
    const rest: Behind[] = [];
    let complete = true;
    const ahead = makeReadAhead(
      (group) => identify(dependencies, userId, group),
      (one) => read(one, one.position),
      behind,
    );
    try {
      for (let turn = await ahead.next(); turn; turn = await ahead.next()) {
        const { mailbox } = turn.one;
        if (clock.now() >= stopAt || !pager.canName(mailbox)) return { complete: false, rest: [] };
        const position = await drainChunk(turn.one, await turn.first, pager, stopAt);
        if (position === undefined) complete = false;
        else if (position < mailbox.lastSeq) rest.push({ mailbox, position });
      }
    } finally {
      // A Lambda freezes what is not awaited: also the reading of one whose turn did not end well.
      await ahead.settled();
    }
    return { complete: complete && !ahead.hasLeftOut(), rest };
  }

  return async ({ userId, expiresAt }: Actor, behind: readonly Behind[], pager: Pager): Promise<void> => {
    const stopAt = Math.min(clock.now() + drainMs, expiresAt);
    let complete = true;
    // In turns: whoever sent very much does not come before all that others sent.
    for (let turn = behind; turn.length > 0; ) {
      const done = await drainTurn(userId, turn, pager, stopAt);
      complete &&= done.complete;
      turn = done.rest;
    }
    await pager.finish(!complete);
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
