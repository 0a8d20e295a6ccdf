import { randomBytes, randomUUID } from 'node:crypto';
import { directConversationId } from '#shared/log/conversation.ts';
import { makeMessageIds } from '#shared/log/message-id.uuid.ts';
import { noRecentSends, rememberSend } from '#shared/log/recent-sends.ts';
import type { World } from '#test/support/world.ts';

export interface Load {
  readonly conversations: number;
  /** In each conversation. */
  readonly messages: number;
  readonly contentBytes: number;
}

/** Conversations that are written to side by side. */
const writers = 16;
const commitMs = 60_000;

/** Commits messages to `userId` that no device has got: the rows of as many sends, without their limits and pushes. */
export async function leaveUndelivered(world: World, userId: string, load: Load): Promise<void> {
  const environment = world.environment();
  const content = 'x'.repeat(load.contentBytes);
  const senders = Array.from({ length: load.conversations }, () => randomUUID()).values();

  async function fill(senderId: string): Promise<void> {
    const conversationId = directConversationId(senderId, userId);
    const conversation = {
      conversationId,
      members: [senderId, userId] as const,
      keySalt: new Uint8Array(randomBytes(32)),
    };
    let recentSends = noRecentSends;
    for (let seq = 1; seq <= load.messages; seq += 1) {
      const sentAt = Date.now();
      const messageId = makeMessageIds(randomBytes)(sentAt);
      const place = { conversationId, seq, messageId, senderId, senderCount: seq, sentAt };
      const ciphertext = await environment.cipher.seal(place, conversation.keySalt, content);
      recentSends = rememberSend(recentSends, undefined, seq);
      const message = { ...place, ciphertext };
      await environment.log.commit(
        { message, conversation, recipientId: userId, recentSends },
        Date.now() + commitMs,
      );
    }
  }

  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (const senderId of senders) await fill(senderId);
    }),
  );
}
