import { unreadCount } from '#shared/domain/mailbox.ts';
import { messageIdTime } from '#shared/domain/message-id.ts';
import { viewMessage } from './message-view.ts';
import type { ConversationLog, Mailboxes, MessageCipher, MessageReference, Notifications } from './ports.ts';
import { isOpen, type PushDependencies, pushTo } from './push.ts';

export interface DeliverLaterDependencies extends PushDependencies {
  readonly mailboxes: Mailboxes;
  readonly log: ConversationLog;
  readonly cipher: MessageCipher;
  readonly notifications: Notifications;
}

/**
 * After this long a message is in the mailbox or never will be: the function that made it has ended, by its time-out of 25 s
 * at the latest, and what it asked for last may take effect and become visible some seconds later. The queue's visibility
 * time-out is longer by far.
 */
const settledMs = 40_000;

/**
 * Looks again at a message some seconds after its send: never committed or acknowledged since, nothing is to be done;
 * otherwise it is posted to the recipient's connections, or, where none takes it, a notification is published. Resolves
 * to `false` where it is too early to say, and throws where it could not be done: the queue is to bring the reference again.
 */
export function makeDeliverLater(dependencies: DeliverLaterDependencies) {
  const { mailboxes, log, cipher, connections, notifications, clock, telemetry } = dependencies;

  return async (reference: MessageReference): Promise<boolean> => {
    const { recipientId, conversationId, seq, messageId } = reference;
    const mailbox = await mailboxes.get(recipientId, conversationId);
    const mayStillCome = clock.now() - messageIdTime(messageId) < settledMs;
    if (!mailbox || mailbox.lastSeq < seq) return !mayStillCome;
    if (mailbox.deliveredSeq >= seq) return true;

    const stored = await log.message(conversationId, seq);
    // The attempt that left this reference lost the race for its place; the winner left its own.
    if (stored.messageId !== messageId) return true;

    const conversation = (await log.identities(recipientId, [conversationId])).get(conversationId);
    if (!conversation) return !mayStillCome;
    const found = await connections.of(recipientId, 'strong');
    // Opened only for somebody: a notification needs no content, and must not depend on KMS.
    if (found.some((connection) => isOpen(connection, clock))) {
      const content = await cipher.open(stored, conversation.keySalt, stored.ciphertext);
      const message = viewMessage(stored, content, conversation, recipientId);
      const taken = await pushTo(dependencies, found, { type: 'message.new', messageId, message });
      if (taken > 0) return true;
    }
    await notifications.publish({ ...reference, unread: unreadCount(mailbox) });
    telemetry.count('NotificationPublished');
    return true;
  };
}
