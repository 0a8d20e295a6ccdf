import type { ReplyTo, Requests } from '#shared/actions.ts';
import { notFound, withinLimits } from '#shared/limits/refusals.ts';
import { isConversationId } from '#shared/log/conversation.ts';
import type { ConversationLog } from '#shared/log/conversation-log.ts';
import { countSends, sendsAfter } from '#shared/log/recent-sends.ts';
import type { Mailbox } from '#shared/mailboxes/mailbox.ts';
import type { Call } from '#shared/runtime/call.ts';
import type { AcknowledgeDependencies } from './acknowledge.ts';
import { beyondEnd, faultOf, movedMailbox } from './mailbox-moves.ts';
import { sendReceipts } from './receipts.ts';

/** All up to the seq was read, which implies that it has arrived. */
export function makeMarkRead(dependencies: AcknowledgeDependencies) {
  const { mailboxes, limiter, log, telemetry } = dependencies;

  return async (request: Requests['read'], { actor, charges }: Call): Promise<ReplyTo<'read'>> => {
    const { conversationId, seq } = request;
    const mailbox = await withinLimits(limiter, charges, async () => {
      if (!isConversationId(conversationId)) return undefined;
      telemetry.about({ conversationId, seq });
      return mailboxes.get(actor.userId, conversationId);
    });
    if (!mailbox) throw notFound();
    // Not left to the update: a message that is committed meanwhile would not be among those counted here.
    if (seq > mailbox.lastSeq) throw beyondEnd();
    const sent = await sentUpTo(log, mailbox, seq);
    const move = await mailboxes.markRead(actor.userId, conversationId, seq, sent);
    await sendReceipts(dependencies, movedMailbox(move));
    const fault = faultOf(move);
    if (fault) throw fault;
    return { type: 'ok' };
  };
}

/**
 * How many messages the mailbox's owner has sent at or below `seq`. It never changes, so it can be counted before the
 * position moves. The remembered sends tell it, unless more were sent since. Then the message at `seq` does, because
 * each carries its sender's count. In a conversation of two, what one did not send the other did.
 */
async function sentUpTo(log: ConversationLog, mailbox: Mailbox, seq: number): Promise<number> {
  const later = sendsAfter(mailbox.recentSends, seq);
  if (later < countSends(mailbox.recentSends) || later === mailbox.sentCount)
    return mailbox.sentCount - later;
  const message = await log.message(mailbox.conversationId, seq);
  return message.senderId === mailbox.userId ? message.senderCount : seq - message.senderCount;
}
