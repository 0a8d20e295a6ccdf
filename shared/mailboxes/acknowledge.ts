import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit } from '#shared/limits/refusals.ts';
import { isConversationId } from '#shared/log/conversation.ts';
import type { Call } from '#shared/runtime/call.ts';
import { faultOf, movedMailbox } from './mailbox-moves.ts';
import type { Mailboxes, MailboxMove } from './mailboxes.ts';
import { type ReceiptDependencies, sendReceipts } from './receipts.ts';

export interface AcknowledgeDependencies extends ReceiptDependencies {
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
}

/** All up to each position has arrived. What can move moves; the first fault in the frame's order is the answer. */
export function makeAcknowledge(dependencies: AcknowledgeDependencies) {
  const { mailboxes, limiter } = dependencies;

  return async (request: Requests['ack'], { actor, charges }: Call): Promise<ReplyTo<'ack'>> => {
    await refuseOverLimit(limiter, charges);
    const moves = await Promise.allSettled(
      [...request.positions].map(async ([conversationId, seq]): Promise<MailboxMove> => {
        if (!isConversationId(conversationId)) return { moved: false, reason: 'not_found' };
        return mailboxes.acknowledge(actor.userId, conversationId, seq);
      }),
    );
    // First of all: what moved is told now or never, because at a repetition it is older.
    await sendReceipts(
      dependencies,
      moves.flatMap((move) => (move.status === 'fulfilled' ? movedMailbox(move.value) : [])),
    );
    for (const move of moves) {
      const fault = move.status === 'fulfilled' ? faultOf(move.value) : move.reason;
      if (fault) throw fault;
    }
    return { type: 'ok' };
  };
}
