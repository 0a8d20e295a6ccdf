import { isConversationId } from '#shared/log/conversation.ts';
import { isUserId } from '#shared/protocol/user-id.ts';

/** Names a message to whoever looks again later. Never holds content. */
export interface MessageReference {
  readonly recipientId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly messageId: string;
  /** A look has posted it before: whoever has not acknowledged it by then is notified. */
  readonly isLastLook?: true;
}

/** The queue in which every commit leaves a witness. */
export interface DeliveryQueue {
  /** Comes back after `afterSeconds`, by default after as long as an acknowledgement takes. */
  leave(reference: MessageReference, afterSeconds?: number): Promise<void>;
}

/** How often a reference is brought before it rests in the dead-letter queue: AWS advises five at least for Lambda. */
export const maxReceiveCount = 5;

/** Reads the body of a queue's record. Throws on anything that we did not write. */
export function parseReference(body: string): MessageReference {
  const { recipientId, conversationId, seq, messageId, isLastLook } = Object(JSON.parse(body));
  const isOurs =
    isUserId(recipientId) &&
    typeof conversationId === 'string' &&
    isConversationId(conversationId) &&
    Number.isSafeInteger(seq) &&
    seq >= 1 &&
    typeof messageId === 'string' &&
    (isLastLook === undefined || isLastLook === true);
  if (!isOurs) throw new Error('The record is not a message reference.');
  return { recipientId, conversationId, seq, messageId, ...(isLastLook === true && { isLastLook }) };
}
