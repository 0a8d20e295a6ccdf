import { type PushDependencies, pushTo } from '#shared/delivery/push.ts';
import { otherMember } from '#shared/log/conversation.ts';
import type { ConversationLog } from '#shared/log/conversation-log.ts';
import { pushFrame } from '#shared/protocol/replies.ts';
import { sideBySide, withinTime } from '#shared/runtime/waiting.ts';
import type { MailboxNumbers } from './mailboxes.ts';

export interface ReceiptDependencies extends PushDependencies {
  readonly log: ConversationLog;
}

/** As after a commit: the positions have moved, and telling of it may not take longer. */
const receiptsMs = 1_500;

/**
 * Tells the other members' live connections how far `mailboxes`, all of one user, have moved. Never throws: the
 * numbers stand in the mailbox.
 */
export async function sendReceipts(
  dependencies: ReceiptDependencies,
  mailboxes: readonly MailboxNumbers[],
): Promise<void> {
  const [first] = mailboxes;
  if (!first) return;
  const { log, connections, clock, telemetry } = dependencies;

  const tellAll = async (): Promise<void> => {
    const identities = await log.identities(
      first.userId,
      mailboxes.map(({ conversationId }) => conversationId),
    );
    await sideBySide(
      ...mailboxes.map(async ({ conversationId, userId, deliveredSeq, readSeq }) => {
        const identity = identities.get(conversationId);
        const other = identity && otherMember(identity, userId);
        if (other === undefined) return;
        const receipt = () => pushFrame({ type: 'receipt', conversationId, userId, deliveredSeq, readSeq });
        await pushTo(dependencies, await connections.of(other, 'eventual'), receipt);
      }),
    );
  };

  await withinTime(clock, receiptsMs, tellAll(), (error) => {
    telemetry.error('receipts failed', error);
    telemetry.count('ReceiptsFailed');
  });
}
