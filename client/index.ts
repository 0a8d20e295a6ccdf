/** All of the SDK that a project of its own uses: what `npm run client:pack` makes a package of. */

export type { ConversationSummary, Message } from '#shared/protocol/replies.ts';
export {
  type Client,
  type ClientEvents,
  type ConversationsPage,
  createClient,
  type HistoryPage,
  type HistoryQuery,
  type Reset,
  type ResumePoint,
} from './client.ts';
export { PostriderError } from './errors.ts';
export type { Gap } from './inbox.ts';
export type { ClientOptions } from './options.ts';
export { type OutboxStorage, type QueuedSend, type WebStorage, webOutboxStorage } from './outbox-storage.ts';
export type { Receipt } from './receipts.ts';
export type { OutgoingMessage } from './send-check.ts';
export type { State, StateChange } from './session.ts';
export type { GetToken } from './tokens.ts';
