import { isConversationId } from '#shared/domain/conversation.ts';
import { DependencyFailure } from '#shared/domain/failures.ts';
import { limits } from '#shared/protocol/limits.ts';
import { fitting, roomIn } from '#shared/protocol/pages.ts';
import { type Reply, replyFrame } from '#shared/protocol/replies.ts';
import type { HistoryRequest } from '#shared/protocol/requests.ts';
import { viewMessage } from './message-view.ts';
import type { Mailboxes, RateLimiter } from './ports.ts';
import { makeReadMessages, type ReadMessagesDependencies } from './read-messages.ts';
import { notFound, refuseRequestOverLimit } from './refusals.ts';
import type { Session } from './session.ts';
import { sideBySide } from './waiting.ts';

export interface ReadHistoryDependencies extends ReadMessagesDependencies {
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
}

/** A page of a conversation, ascending; cut by bytes, it keeps the side nearest the cursor. */
export function makeReadHistory(dependencies: ReadHistoryDependencies) {
  const { mailboxes, limiter, log } = dependencies;
  const readMessages = makeReadMessages(dependencies);

  return async (request: HistoryRequest, session: Session, requestId: string | undefined): Promise<Reply> => {
    const { conversationId, after } = request;
    if (!isConversationId(conversationId)) throw notFound();
    const [, mailbox, identities] = await sideBySide(
      refuseRequestOverLimit(limiter, request, session),
      mailboxes.get(session.userId, conversationId),
      log.identities([conversationId]),
    );
    const conversation = identities.get(conversationId);
    if (!mailbox || !conversation) throw notFound();

    const { from, to } = rangeOf(request, mailbox.lastSeq);
    const { messages, through } = await readMessages(conversation, {
      from,
      to,
      lastMessageAt: mailbox.lastMessageAt,
    });
    const upwards = after !== undefined;
    if (through < to && !upwards) throw new DependencyFailure('A message of this page is not visible yet.');
    const views = messages.map(({ stored, content }) =>
      viewMessage(stored, content, conversation, session.userId),
    );
    const page = { type: 'history.page', conversationId, messages: [], more: false } as const;
    const room = roomIn(replyFrame(page, requestId));
    const kept = upwards ? fitting(views, room) : fitting(views.reverse(), room).reverse();
    const isCut = kept.length < views.length;
    const more = isCut || (upwards ? through < mailbox.lastSeq : from > 1);
    return { ...page, messages: kept, more };
  };
}

/** The seqs to read, inclusive; `to` below `from` where there are none. */
function rangeOf(
  { before, after, limit = limits.historyDefault }: HistoryRequest,
  lastSeq: number,
): { from: number; to: number } {
  if (after !== undefined) return { from: after + 1, to: Math.min(after + limit, lastSeq) };
  const to = Math.min((before ?? lastSeq + 1) - 1, lastSeq);
  return { from: Math.max(1, to - limit + 1), to };
}
