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
import type { DeliveryQueue, MessageReference } from './delivery-queue.ts';
import type { Notifications } from './notifications.ts';
import { isOpen, type PushDependencies, type Pushed, pushTo } from './push.ts';

export interface DeliverLaterDependencies extends PushDependencies {
  readonly mailboxes: Mailboxes;
  readonly log: ConversationLog;
  readonly cipher: MessageCipher;
  readonly queue: DeliveryQueue;
  readonly notifications: Notifications;
}

/** `leftAgain`: another look follows. */
export type DeliverLater = (reference: MessageReference) => Promise<'done' | 'leftAgain'>;

/**
 * After this long a message is in the mailbox or never will be. The function that made it has ended, by its time-out of
 * 25 s at the latest. What it asked for last may take effect and become visible some seconds later.
 */
const settledMs = 40_000;
/** From a post to the look at whether it was acknowledged. A client does so at once; a slow network takes some seconds. */
const acknowledgedWithinSeconds = 20;
const toNobody: Pushed = { taken: 0, failed: 0 };

/**
 * Looks again at a message some seconds after its send. If it was never committed, or was acknowledged since, nothing
 * is to be done. Otherwise it is posted to the recipient's connections. Where there is none to take it, a notification is
 * published. Where there is, another look follows: a dead connection takes a post as a live one does, and only an
 * acknowledgement tells them apart. That look posts once more and notifies. Throws where it could not be done: the queue
 * is to bring the reference again.
 */
export function makeDeliverLater(dependencies: DeliverLaterDependencies): DeliverLater {
  const { mailboxes, log, connections, queue, notifications, clock, telemetry } = dependencies;

  return async (reference) => {
    const { isLastLook, ...named } = reference;
    const { recipientId, conversationId, seq, messageId } = named;
    const mailbox = await mailboxes.get(recipientId, conversationId);
    if (!mailbox || mailbox.lastSeq < seq) return await waitForIt(reference);
    if (mailbox.deliveredSeq >= seq) return 'done';

    const stored = await readMessage(conversationId, seq);
    // The attempt that left this reference lost the race for its place; the winner left its own.
    if (stored && stored.messageId !== messageId) return 'done';

    const conversation = (await log.identities(recipientId, [conversationId])).get(conversationId);
    if (!conversation) return await waitForIt(reference);
    const { taken, failed } = stored ? await post(stored, conversation, recipientId) : toNobody;
    if (taken + failed > 0 && !isLastLook) {
      await queue.leave({ ...named, isLastLook: true }, acknowledgedWithinSeconds);
      return 'leftAgain';
    }
    await notifications.publish({ ...named, unread: unreadCount(mailbox) });
    telemetry.count('NotificationPublished');
    return 'done';
  };

  /** It is not there yet, or never will be. */
  async function waitForIt(reference: MessageReference): Promise<'done' | 'leftAgain'> {
    const leftMs = settledMs - (clock.now() - messageIdTime(reference.messageId));
    if (leftMs <= 0) return 'done';
    await queue.leave(reference, Math.ceil(Math.min(leftMs, settledMs) / 1000));
    return 'leftAgain';
  }

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
