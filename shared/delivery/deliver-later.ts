import type { MessageCipher } from '#shared/keys/message-cipher.ts';
import type { ConversationIdentity } from '#shared/log/conversation.ts';
import type { ConversationLog } from '#shared/log/conversation-log.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { messageIdTime } from '#shared/log/message-id.ts';
import { viewMessage } from '#shared/log/message-view.ts';
import { unreadCount } from '#shared/mailboxes/mailbox.ts';
import type { Mailboxes } from '#shared/mailboxes/mailboxes.ts';
import { pushFrame } from '#shared/protocol/replies.ts';
import { openMessage } from '#shared/reading/read-messages.ts';
import { UnfitRow } from '#shared/runtime/failures.ts';
import { passOver } from '#shared/runtime/telemetry.ts';
import type { MessageReference } from './delivery-queue.ts';
import type { Notifications } from './notifications.ts';
import { isOpen, type PushDependencies, type Pushed, pushTo } from './push.ts';

export interface DeliverLaterDependencies extends PushDependencies {
  readonly mailboxes: Mailboxes;
  readonly log: ConversationLog;
  readonly cipher: MessageCipher;
  readonly notifications: Notifications;
}

export type DeliverLater = (reference: MessageReference, isLast?: boolean) => Promise<boolean>;

/**
 * After this long a message is in the mailbox or never will be. The function that made it has ended, by its time-out of
 * 25 s at the latest. What it asked for last may take effect and become visible some seconds later. The queue's
 * visibility time-out is longer by far.
 */
const settledMs = 40_000;
const toNobody: Pushed = { taken: 0, failed: 0 };

/**
 * Looks again at a message some seconds after its send. If it was never committed, or was acknowledged since, nothing
 * is to be done. Otherwise it is posted to the recipient's connections. Where none takes it, a notification is
 * published. Resolves to `false` where it is too early to say or a connection could not be posted to, and throws where
 * it could not be done: the queue is to bring the reference again. `isLast` says that it will not: then a post that
 * fails is let go.
 */
export function makeDeliverLater(dependencies: DeliverLaterDependencies): DeliverLater {
  const { mailboxes, log, connections, notifications, clock, telemetry } = dependencies;

  return async (reference, isLast = false) => {
    const { recipientId, conversationId, seq, messageId } = reference;
    const mailbox = await mailboxes.get(recipientId, conversationId);
    const mayStillCome = clock.now() - messageIdTime(messageId) < settledMs;
    if (!mailbox || mailbox.lastSeq < seq) return !mayStillCome;
    if (mailbox.deliveredSeq >= seq) return true;

    const stored = await readMessage(conversationId, seq);
    // The attempt that left this reference lost the race for its place; the winner left its own.
    if (stored && stored.messageId !== messageId) return true;

    const conversation = (await log.identities(recipientId, [conversationId])).get(conversationId);
    if (!conversation) return !mayStillCome;
    const { taken, failed } = stored ? await post(stored, conversation, recipientId) : toNobody;
    if (taken === 0) {
      await notifications.publish({ ...reference, unread: unreadCount(mailbox) });
      telemetry.count('NotificationPublished');
    }
    return failed === 0 || isLast;
  };

  /** `undefined` for one that does not fit: it is waiting nevertheless, like one that does not open. */
  async function readMessage(conversationId: string, seq: number): Promise<StoredMessage | undefined> {
    try {
      return await log.message(conversationId, seq);
    } catch (error) {
      if (!(error instanceof UnfitRow)) throw error;
      passOver(telemetry)(error);
      return undefined;
    }
  }

  async function post(
    stored: StoredMessage,
    conversation: ConversationIdentity,
    recipientId: string,
  ): Promise<Pushed> {
    const found = await connections.of(recipientId, 'strong', passOver(telemetry));
    // Opened only for somebody: a notification needs no content, and must not depend on KMS.
    if (!found.some((connection) => isOpen(connection, dependencies))) return toNobody;
    const content = await openMessage(dependencies, conversation, stored);
    if (content === undefined) return toNobody;
    const message = viewMessage(stored, content, conversation, recipientId);
    const { messageId } = stored;
    return pushTo(dependencies, found, () => pushFrame({ type: 'message.new', messageId, message }));
  }
}
