import type { ConversationSummary, Message } from '#shared/protocol/replies.ts';
import type { QueuedSend } from '../client/outbox-storage.ts';
import type { Receipt } from '../client/receipts.ts';

/** A message that was refused for good. */
export interface Failed {
  readonly send: QueuedSend;
  readonly reason: string;
}

/** What one device knows of the conversation with `peer`. */
export interface Conversation {
  readonly peer: string;
  /** Undefined until somebody has written. */
  conversationId: string | undefined;
  /** By seq; what is shown. */
  readonly messages: Map<number, Message>;
  /** Whether there are older ones than those that are shown. */
  hasEarlier: boolean;
  /** Whether any of its history was loaded. */
  isLoaded: boolean;
  unread: number;
  /** The highest seq that `unread` has taken into account. */
  countedSeq: number;
  /** Up to where the person has read, here or elsewhere. */
  ownReadSeq: number;
  /** How far the other person's devices have got. */
  deliveredSeq: number;
  readSeq: number;
  /** Whether this person has blocked the other one, as far as this browser knows. */
  isBlocked: boolean;
  /** By clientMessageId, until the person decides what to do with them. */
  readonly failed: Map<string, Failed>;
}

/** What stands beside one's own message. */
export type Progress = 'waiting' | 'sent' | 'delivered' | 'read' | 'failed';

export function makeConversation(peer: string): Conversation {
  return {
    peer,
    conversationId: undefined,
    messages: new Map(),
    hasEarlier: false,
    isLoaded: false,
    unread: 0,
    countedSeq: 0,
    ownReadSeq: 0,
    deliveredSeq: 0,
    readSeq: 0,
    isBlocked: false,
    failed: new Map(),
  };
}

/** The other person of a message or a list of members; oneself, if there is nobody else. */
export function peerOf(me: string, members: readonly (string | undefined)[]): string {
  return members.find((member) => member !== undefined && member !== me) ?? me;
}

/** Takes the server's own count over. */
export function applySummary(
  conversation: Conversation,
  { conversationId, unread, lastSeq, readSeq }: ConversationSummary,
): void {
  conversation.conversationId = conversationId;
  // What was counted or read here since the list was read is not in it.
  if (lastSeq < conversation.countedSeq || readSeq < conversation.ownReadSeq) return;
  conversation.unread = unread;
  conversation.countedSeq = lastSeq;
  conversation.ownReadSeq = readSeq;
  if (!conversation.isLoaded) conversation.hasEarlier = lastSeq > 0 && !conversation.messages.has(1);
}

/** A message that has just arrived. */
export function applyNew(conversation: Conversation, message: Message, me: string): void {
  conversation.conversationId = message.conversationId;
  conversation.messages.set(message.seq, message);
  if (!conversation.isLoaded) conversation.hasEarlier = !conversation.messages.has(1);
  if (message.seq <= conversation.countedSeq) return;
  conversation.countedSeq = message.seq;
  if (message.senderId !== me) conversation.unread += 1;
}

/** A page of history that ends where the oldest message begins. */
export function applyEarlier(conversation: Conversation, messages: readonly Message[], more: boolean): void {
  for (const message of messages) conversation.messages.set(message.seq, message);
  conversation.hasEarlier = more;
  conversation.isLoaded = true;
}

/** The person has seen what is shown. Up to which seq the server does not know that yet; undefined if it knows. */
export function applyRead(conversation: Conversation): number | undefined {
  const incoming = shownMessages(conversation).filter(({ senderId }) => senderId === conversation.peer);
  const seq = incoming.at(-1)?.seq ?? 0;
  if (seq <= conversation.ownReadSeq) return undefined;
  const newest = newestShown(conversation);
  conversation.ownReadSeq = seq;
  conversation.countedSeq = Math.max(conversation.countedSeq, newest);
  // What the list has counted may still be on its way.
  conversation.unread = Math.min(conversation.unread, conversation.countedSeq - newest);
  return seq;
}

export function applyReceipt(conversation: Conversation, { deliveredSeq, readSeq }: Receipt): void {
  conversation.deliveredSeq = Math.max(conversation.deliveredSeq, deliveredSeq);
  conversation.readSeq = Math.max(conversation.readSeq, readSeq);
}

/** In their order. */
export function shownMessages({ messages }: Conversation): Message[] {
  return [...messages.values()].sort((one, other) => one.seq - other.seq);
}

/** The seq below which history goes on; undefined when nothing is shown yet. */
export function oldestShown({ messages }: Conversation): number | undefined {
  return messages.size === 0 ? undefined : Math.min(...messages.keys());
}

function newestShown({ messages }: Conversation): number {
  return Math.max(0, ...messages.keys());
}

export function progressOf({ deliveredSeq, readSeq }: Conversation, { seq }: Message): Progress {
  if (seq <= readSeq) return 'read';
  return seq <= deliveredSeq ? 'delivered' : 'sent';
}
