import type { Mailbox } from '#shared/mailboxes/mailbox.ts';
import type { OnUnfit, UnfitRow } from '#shared/runtime/failures.ts';
import type { Conversation, ConversationIdentity } from './conversation.ts';
import type { StoredMessage } from './message.ts';
import type { RecentSends } from './recent-sends.ts';

/** What a send continues: both rows as of one moment. */
export interface SendState {
  /** Absent before the first message. */
  readonly conversation: Conversation | undefined;
  /** The sender's. */
  readonly mailbox: Mailbox | undefined;
}

/** A message with what its commit writes beside it. */
export interface Commit {
  readonly message: StoredMessage;
  readonly conversation: ConversationIdentity;
  readonly recipientId: string;
  /** The sender's, this send included. */
  readonly recentSends: RecentSends;
}

export type CommitOutcome =
  | { readonly committed: true }
  /** Another message took the place; `state` is what it left, if the refusal told. */
  | { readonly committed: false; readonly state: SendState | undefined };

/** A message whose row does not fit. */
export interface UnfitMessage {
  readonly failure: UnfitRow;
  readonly seq: number;
  /** Milliseconds since the epoch, where the row tells it. */
  readonly sentAt: number | undefined;
}

/**
 * Conversations, messages and mailboxes: what one transaction binds together. All of it throws `UnfitRow` for a row that does
 * not fit, but for those that `onUnfit` is told of: these are passed over.
 */
export interface ConversationLog {
  /** Consistent, in one request. Rows that disagree are read again. */
  readSendState(query: {
    readonly conversationId: string;
    readonly senderId: string;
    readonly recipientId: string;
  }): Promise<{
    readonly state: SendState;
    /** Whether either has blocked the other. */
    readonly blocked: boolean;
  }>;
  /**
   * Appends the message at its seq, or learns that the place is taken. Resolves only when the outcome is known; throws
   * `OutcomeUnknown` if it is not yet known after the last request begun before `deadline` (milliseconds since the epoch).
   */
  commit(commit: Commit, deadline: number): Promise<CommitOutcome>;
  /** A message that is known to be committed, consistent. Throws `DependencyFailure` if it stays invisible. */
  message(conversationId: string, seq: number): Promise<StoredMessage>;
  /**
   * The same once the conversation and the mailboxes of all members show it, because the rows of one commit become visible
   * one by one: only then may it be confirmed. Throws `DependencyFailure` if they keep disagreeing.
   */
  settledMessage(
    conversation: Pick<ConversationIdentity, 'conversationId' | 'members'>,
    seq: number,
  ): Promise<StoredMessage>;
  /** The messages `from`…`to` (inclusive) that are visible now, ascending; consistent. */
  messages(
    conversationId: string,
    from: number,
    to: number,
    onUnfit?: (one: UnfitMessage) => void,
  ): Promise<StoredMessage[]>;
  /** The first message at or above `from` that is visible now and tells when it was sent; consistent. */
  firstMessage(
    conversationId: string,
    from: number,
  ): Promise<Pick<StoredMessage, 'seq' | 'sentAt'> | undefined>;
  /**
   * What never changes of these conversations. Those that do not exist and those that `memberId` is not in are left out
   * alike: the same is asked for either.
   */
  identities(
    memberId: string,
    conversationIds: readonly string[],
    onUnfit?: OnUnfit,
  ): Promise<Map<string, ConversationIdentity>>;
}
