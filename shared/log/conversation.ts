import { createHash } from 'node:crypto';

/** The head of a conversation's log. Members and key salt never change. */
export interface Conversation {
  readonly conversationId: string;
  readonly members: readonly [string, string];
  /** The seq of the last message. */
  readonly lastSeq: number;
  /** Its `sentAt`, milliseconds since the epoch. */
  readonly lastMessageAt: number;
  /** Salts every message key; deleting it shreds the conversation. */
  readonly keySalt: Uint8Array;
}

export type ConversationIdentity = Pick<Conversation, 'conversationId' | 'members' | 'keySalt'>;

/**
 * The id of the conversation of two people: the same whichever of them writes first. A line break cannot be part
 * of a user id, so no two pairs make the same input.
 */
export function directConversationId(one: string, other: string): string {
  const pair = one < other ? [one, other] : [other, one];
  return createHash('sha256')
    .update(`direct\n${pair.join('\n')}`)
    .digest('base64url');
}

/**
 * Whether `userId` is one of the two, and these two are those whom the id was made from. A row is not believed: whoever
 * alters the members in a table, or makes a mailbox there, lets nobody in.
 */
export function isMember(conversation: ConversationIdentity, userId: string): boolean {
  const other = otherMember(conversation, userId);
  return other !== undefined && directConversationId(userId, other) === conversation.conversationId;
}

/** Whether `id` could name a conversation at all. */
export function isConversationId(id: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(id);
}

/** The other member, or `undefined` where `userId` is not a member. */
export function otherMember(conversation: ConversationIdentity, userId: string): string | undefined {
  const [one, other] = conversation.members;
  if (userId === one) return other;
  return userId === other ? one : undefined;
}
