import { isConversationId } from '#shared/domain/conversation.ts';
import type { ProtocolError } from '#shared/protocol/errors.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Reply } from '#shared/protocol/replies.ts';
import type { AckRequest } from '#shared/protocol/requests.ts';
import type { Mailboxes, MailboxMove, MailboxNumbers, RateLimiter } from './ports.ts';
import { type ReceiptDependencies, sendReceipts } from './receipts.ts';
import { notFound, refuseRequestOverLimit } from './refusals.ts';
import type { Session } from './session.ts';
import { sideBySide } from './waiting.ts';

export interface AcknowledgeDependencies extends ReceiptDependencies {
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
}

/** All up to each position has arrived. What can move moves; the first fault in the frame's order is the answer. */
export function makeAcknowledge(dependencies: AcknowledgeDependencies) {
  const { mailboxes, limiter } = dependencies;

  return async (request: AckRequest, session: Session): Promise<Reply> => {
    await refuseRequestOverLimit(limiter, request, session);
    const moves = await sideBySide(
      ...[...request.positions].map(async ([conversationId, seq]): Promise<MailboxMove> => {
        if (!isConversationId(conversationId)) return { moved: false, reason: 'not_found' };
        return mailboxes.acknowledge(session.userId, conversationId, seq);
      }),
    );
    await sendReceipts(dependencies, moves.flatMap(movedMailbox));
    for (const move of moves) {
      const fault = faultOf(move);
      if (fault) throw fault;
    }
    return { type: 'ok' };
  };
}

export function movedMailbox(move: MailboxMove): MailboxNumbers[] {
  return move.moved ? [move.mailbox] : [];
}

/** An older position is no fault: it came late, and nothing moves. */
export function faultOf(move: MailboxMove): ProtocolError | undefined {
  if (move.moved || move.reason === 'older') return undefined;
  if (move.reason === 'not_found') return notFound();
  return badRequest('The position lies beyond the last message.', 'Name the seq of a message that exists.');
}
