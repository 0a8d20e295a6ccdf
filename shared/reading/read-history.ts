import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { notFound, withinLimits } from '#shared/limits/refusals.ts';
import { type ConversationIdentity, isConversationId } from '#shared/log/conversation.ts';
import { viewMessage } from '#shared/log/message-view.ts';
import type { Mailboxes, MailboxNumbers } from '#shared/mailboxes/mailboxes.ts';
import { limits } from '#shared/protocol/limits.ts';
import { roomIn, sizeOf } from '#shared/protocol/pages.ts';
import { type Message, replyFrame } from '#shared/protocol/replies.ts';
import type { Call } from '#shared/runtime/call.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { sideBySide } from '#shared/runtime/waiting.ts';
import { makeReadMessages, type ReadMessagesDependencies } from './read-messages.ts';

export interface ReadHistoryDependencies extends ReadMessagesDependencies {
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
}

/** Messages that are read at once: a frame has room for a hundred small ones, or for one or two of the largest. */
const step = 25;
/** A stretch that cannot be read is walked through for so long. */
const walkMs = 10_000;

/** A page of a conversation, ascending; cut by bytes, it keeps the side nearest the cursor. */
export function makeReadHistory(dependencies: ReadHistoryDependencies) {
  const { mailboxes, limiter, log, telemetry } = dependencies;
  const walk = makeWalk(dependencies);

  return async (
    request: Requests['history'],
    { actor, requestId, charges }: Call,
  ): Promise<ReplyTo<'history'>> => {
    const { conversationId } = request;
    const [mailbox, identities] = await withinLimits(limiter, charges, async () => {
      if (!isConversationId(conversationId)) throw notFound();
      telemetry.about({ conversationId });
      return sideBySide(
        mailboxes.get(actor.userId, conversationId),
        log.identities(actor.userId, [conversationId]),
      );
    });
    const conversation = identities.get(conversationId);
    if (!mailbox || !conversation) throw notFound();
    const page = { type: 'history.page', conversationId, messages: [], more: false } as const;
    const room = roomIn(replyFrame(page, requestId));
    return { ...page, ...(await walk(request, conversation, mailbox, room)) };
  };
}

function makeWalk(dependencies: ReadHistoryDependencies) {
  const { clock } = dependencies;
  const readMessages = makeReadMessages(dependencies);

  /** Away from the cursor, until the page is full, or nothing is left. What cannot be read is passed over. */
  return async (
    { before, after, limit = limits.historyDefault }: Requests['history'],
    conversation: ConversationIdentity,
    { userId, lastSeq, lastMessageAt }: MailboxNumbers,
    room: number,
  ): Promise<{ messages: Message[]; more: boolean }> => {
    const stopAt = clock.now() + walkMs;
    const upwards = after !== undefined;
    const next = (from: number, count: number) =>
      upwards ? above(from, count, lastSeq) : below(from, count);
    const messages: Message[] = [];
    const page = (more: boolean) => ({ messages: upwards ? messages : messages.reverse(), more });
    let cursor = after ?? Math.min(before ?? lastSeq + 1, lastSeq + 1);
    let left = room;

    while (messages.length < limit && clock.now() < stopAt) {
      const range = next(cursor, Math.min(step, limit - messages.length));
      if (!range) return page(false);
      const read = await readMessages(conversation, { ...range, lastSeq, lastMessageAt });
      const isWhole = read.through === range.to;
      if (!isWhole && !upwards) throw new DependencyFailure('A message of this page is not visible yet.');
      for (const { stored, content } of upwards ? read.messages : read.messages.toReversed()) {
        const message = viewMessage(stored, content, conversation, userId);
        left -= sizeOf(message);
        if (left < 0) return page(true);
        messages.push(message);
      }
      if (!isWhole) return page(true);
      cursor = upwards ? range.to : range.from;
    }
    return page(next(cursor, 1) !== undefined);
  };
}

/** The seqs after `cursor`, inclusive bounds. */
function above(cursor: number, count: number, lastSeq: number) {
  const [from, to] = [cursor + 1, Math.min(cursor + count, lastSeq)];
  return from <= to ? { from, to } : undefined;
}

/** The seqs before `cursor`, inclusive bounds. */
function below(cursor: number, count: number) {
  const to = cursor - 1;
  return to >= 1 ? { from: Math.max(1, to - count + 1), to } : undefined;
}
