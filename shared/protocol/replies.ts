import type { ErrorFrame } from './errors.ts';

/** A message as clients see it. */
export interface Message {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  /** In a conversation of two. */
  readonly recipientId?: string;
  readonly content: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly sentAt: string;
  /** Shown to its sender alone. */
  readonly clientMessageId?: string;
}

export interface ConversationPosition {
  readonly conversationId: string;
  readonly lastSeq: number;
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export interface ConversationSummary extends ConversationPosition {
  readonly members: readonly string[];
  readonly unread: number;
  readonly lastMessageAt: string;
}

/** What answers a request; the `requestId` is added on the way out. */
export type Reply =
  | {
      readonly type: 'message.sent';
      readonly messageId: string;
      readonly message: Message;
      readonly duplicate?: true;
    }
  | { readonly type: 'reconnect.page'; readonly messages: readonly Message[] }
  | {
      readonly type: 'reconnect.done';
      readonly conversations: readonly ConversationPosition[];
      readonly more: boolean;
      /** Which life of the data the positions belong to that come of this. */
      readonly epoch: string;
    }
  | { readonly type: 'ok' }
  | {
      readonly type: 'history.page';
      readonly conversationId: string;
      readonly messages: readonly Message[];
      readonly more: boolean;
    }
  | {
      readonly type: 'conversations.page';
      readonly conversations: readonly ConversationSummary[];
      readonly cursor?: string;
    }
  | { readonly type: 'pong' };

/** What comes unasked. */
export type Push =
  | { readonly type: 'message.new'; readonly messageId: string; readonly message: Message }
  | {
      readonly type: 'receipt';
      readonly conversationId: string;
      readonly userId: string;
      readonly deliveredSeq: number;
      readonly readSeq: number;
    };

export type ServerFrame = (Reply & { readonly requestId?: string }) | Push | ErrorFrame;

/** `reply` as the frame that answers the request with this id. */
export function replyFrame(reply: Reply, requestId: string | undefined): string {
  const { type, ...rest } = reply;
  return JSON.stringify({ type, ...(requestId !== undefined && { requestId }), ...rest });
}

/** `push` as the frame that a connection gets. */
export function pushFrame(push: Push): string {
  return JSON.stringify(push);
}
