import type { ConversationIdentity } from '#shared/log/conversation.ts';
import { otherMember } from '#shared/log/conversation.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import type { Message } from '#shared/protocol/replies.ts';

/** A message as `viewerId` sees it: its clientMessageId is shown to its sender alone. */
export function viewMessage(
  stored: StoredMessage,
  content: string,
  conversation: ConversationIdentity,
  viewerId: string | undefined,
): Message {
  const recipientId = otherMember(conversation, stored.senderId);
  return {
    messageId: stored.messageId,
    conversationId: stored.conversationId,
    seq: stored.seq,
    senderId: stored.senderId,
    ...(recipientId !== undefined && { recipientId }),
    content,
    sentAt: new Date(stored.sentAt).toISOString(),
    ...(stored.clientMessageId !== undefined &&
      stored.senderId === viewerId && { clientMessageId: stored.clientMessageId }),
  };
}
