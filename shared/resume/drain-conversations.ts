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
        await pager.add(viewMessage(stored, content, identity, mailbox.userId), mailbox);
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
    const identified = identify(dependencies, userId, behind, ({ lastMessageAt }) => {
      if (isYoung(lastMessageAt, clock)) complete = false;
    });
    for await (const [one, first] of readAhead(identified, (each) => read(each, each.position))) {
      if (clock.now() >= stopAt || !pager.canName(one.mailbox)) {
        complete = false;
        break;
      }
      complete = (await drainOne(one, await first, pager, stopAt)) && complete;
    }
    await pager.finish(!complete);
  };
}

async function* identify(
  { log, telemetry }: ReadMessagesDependencies,
  userId: string,
  behind: readonly Behind[],
  onMissing: (mailbox: MailboxNumbers) => void,
): AsyncGenerator<Identified> {
  for (let start = 0; start < behind.length; start += identifiedAtOnce) {
    const group = behind.slice(start, start + identifiedAtOnce);
    const unfit = new Set<unknown>();
    const identities = await log.identities(
      userId,
      group.map(({ mailbox }) => mailbox.conversationId),
      (failure) => {
        unfit.add(failure.key.conversationId);
        passOver(telemetry)(failure);
      },
    );
    for (const one of group) {
      const { conversationId } = one.mailbox;
      const identity = identities.get(conversationId);
      if (identity) yield { ...one, identity };
      else if (!unfit.has(conversationId)) {
        // Its row was deleted, or names other members, or is not visible yet.
        telemetry.warn('conversation without a head', { conversationId });
        onMissing(one.mailbox);
      }
    }
  }
}

/** Each of `source` with its reading, which began while those before it were being sent. */
async function* readAhead<T, R>(
  source: AsyncIterable<T>,
  read: (one: T) => Promise<R>,
): AsyncGenerator<[T, Promise<R>]> {
  const ahead: [T, Promise<R>][] = [];
  try {
    for await (const one of source) {
      const reading = read(one);
      // Its failure is met when its turn comes.
      reading.catch(() => {});
      ahead.push([one, reading]);
      if (ahead.length === heldConversations) yield* takeFirst(ahead);
    }
    while (ahead.length > 0) yield* takeFirst(ahead);
  } finally {
    // A Lambda freezes what is not awaited: also the reading of one whose turn did not end well.
    await Promise.allSettled(ahead.map(([, reading]) => reading));
  }
}

/** It leaves the list only once it was dealt with. */
function* takeFirst<T>(list: T[]): Generator<T> {
  yield* list.slice(0, 1);
  list.shift();
}
