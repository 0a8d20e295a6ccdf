import { limits } from '#shared/protocol/limits.ts';
import type { ConversationSummary } from '#shared/protocol/replies.ts';
import type { Requester } from './requester.ts';

/** The user's conversations, newest first, read a page at a time and only as far as they are looked at. */
export async function* conversations({ ask }: Requester): AsyncGenerator<ConversationSummary> {
  let cursor: string | undefined;
  do {
    const page = await ask('conversations.page', {
      action: 'conversations',
      limit: limits.conversationsLimit,
      ...(cursor !== undefined && { cursor }),
    });
    yield* page.conversations;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** The user's conversation with `other`; undefined if neither has written yet. */
export async function conversationWith(
  requester: Requester,
  other: string,
): Promise<ConversationSummary | undefined> {
  for await (const conversation of conversations(requester))
    if (conversation.members.includes(other)) return conversation;
  return undefined;
}
