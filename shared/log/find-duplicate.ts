import type { Requests } from '#shared/actions.ts';
import type { MessageCipher } from '#shared/keys/message-cipher.ts';
import { sendsLike } from '#shared/log/recent-sends.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Commit, ConversationLog, SendState } from './conversation-log.ts';

export interface FindDuplicateDependencies {
  readonly log: ConversationLog;
  readonly cipher: MessageCipher;
}

/**
 * The message that this request already made, if it did. The remembered sends are a hint (6 bytes of a digest); the
 * stored clientMessageId and content decide. Throws `bad_request` where the id was used for another content.
 */
export async function findDuplicate(
  { log, cipher }: FindDuplicateDependencies,
  { clientMessageId, content }: Requests['send'],
  { conversation, mailbox }: SendState,
): Promise<Pick<Commit, 'message' | 'conversation'> | undefined> {
  if (clientMessageId === undefined || conversation === undefined || mailbox === undefined) return undefined;
  for (const seq of sendsLike(mailbox.recentSends, clientMessageId)) {
    const stored = await log.settledMessage(conversation, seq);
    if (stored.clientMessageId !== clientMessageId) continue;
    const sent = await cipher.open(stored, conversation.keySalt, stored.ciphertext);
    if (sent === content) return { message: stored, conversation };
    throw badRequest(
      '"clientMessageId" was used in this conversation with another content.',
      'Use a new one for each message; repeat one only to send the very same message again.',
    );
  }
  return undefined;
}
