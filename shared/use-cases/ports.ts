import type { Conversation, ConversationIdentity } from '#shared/domain/conversation.ts';
import type { Mailbox } from '#shared/domain/mailbox.ts';
import type { MessagePlace, StoredMessage } from '#shared/domain/message.ts';
import type { RecentSends } from '#shared/domain/recent-sends.ts';
import type { Session } from './session.ts';

/** Time as the use cases see it. A simulation passes its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves early when `signal` is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1), for jitter. */
export type Random = () => number;

/** `length` unpredictable bytes, for ids, salts and nonces. */
export type RandomBytes = (length: number) => Uint8Array;

/** Structured log lines and counters. Neither may ever be given content or a token. */
export interface Telemetry {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, error: unknown, fields?: Record<string, unknown>): void;
  /** Adds to a counter. `name` is a metric's name, in PascalCase. */
  count(name: string, by?: number): void;
}

/** Seals and opens message content. No call to KMS per message. */
export interface MessageCipher {
  seal(place: MessagePlace, keySalt: Uint8Array, content: string): Promise<Uint8Array>;
  /** Throws `UnreadableMessage` when the ciphertext is damaged, moved, or not ours. */
  open(place: MessagePlace, keySalt: Uint8Array, ciphertext: Uint8Array): Promise<string>;
}

/** A tier above the database that holds sealed messages. It may be missing, slow, stale or wrong; it never throws. */
export interface MessageCache {
  /** Keeps committed messages of one conversation. */
  put(...messages: readonly StoredMessage[]): Promise<void>;
  /** Those that it has of the seqs `from`…`to` (inclusive), in any order; holes are normal. */
  range(conversationId: string, from: number, to: number): Promise<StoredMessage[]>;
  /** Forgets an entry that did not open. */
  drop(conversationId: string, seq: number): Promise<void>;
}

export type RateLimitDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterMs: number };

/** Takes from every named budget, or from none of them. */
export interface RateLimiter {
  take(charges: readonly RateLimitCharge[]): Promise<RateLimitDecision>;
  /** Whether the last answers already tell that nothing is left of one of them: a look at the memory, and no call. */
  lastKnown(charges: readonly RateLimitCharge[]): RateLimitDecision;
}

export interface RateLimitCharge {
  readonly limit: 'messagesPerUser' | 'messagesPerAddress' | 'requestsPerUser' | 'connectionsPerAddress';
  /** A user id, or an IP address (which the limiter reduces to /64 for IPv6). */
  readonly of: string;
  /** 1 unless told. */
  readonly cost?: number;
}

/** One member's live connection. */
export interface Connection extends Session {
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** Whether its first `reconnect` has come: nothing is pushed before. */
  readonly ready: boolean;
}

export interface Connections {
  add(connection: Connection): Promise<void>;
  remove(connection: Pick<Connection, 'userId' | 'connectionId'>): Promise<void>;
  /** Lets pushes begin. False if there is no such connection (any more). */
  markReady(connection: Pick<Connection, 'userId' | 'connectionId'>): Promise<boolean>;
  /** Every connection of the user, those that cannot live any longer left out. */
  of(userId: string, consistency: 'eventual' | 'strong'): Promise<Connection[]>;
}

/** The management API of the WebSocket: one frame to one connection. */
export interface ConnectionGateway {
  /**
   * `gone`: the connection does not exist (any more). Throws on anything else. What was throttled is sent again, and a frame
   * that may have arrived only if it `mayRepeat`; neither after a second, when the reason to send it may be gone.
   */
  post(
    connectionId: string,
    frame: string,
    options?: { readonly mayRepeat: boolean },
  ): Promise<'posted' | 'gone'>;
  /** `gone`: there is no such connection (any more, or yet: one that is still opening). */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}

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

/** Conversations, messages and mailboxes: what one transaction binds together. */
export interface ConversationLog {
  /** Consistent, in one request. Rows that disagree are read again. */
  readSendState(query: {
    readonly conversationId: string;
    readonly senderId: string;
    readonly recipientId: string;
  }): Promise<{
    readonly state: SendState /** Whether either has blocked the other. */;
    readonly blocked: boolean;
  }>;
  /**
   * Appends the message at its seq, or learns that the place is taken. Resolves only when the outcome is known; throws
   * `OutcomeUnknown` if it still isn't after the last request begun before `deadline` (milliseconds since the epoch).
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
  messages(conversationId: string, from: number, to: number): Promise<StoredMessage[]>;
  /** The first message at or above `from` that is visible now; consistent. */
  firstMessage(conversationId: string, from: number): Promise<StoredMessage | undefined>;
  /**
   * What never changes of these conversations. Those that do not exist and those that `memberId` is not in are left out
   * alike: the same is asked for either.
   */
  identities(
    memberId: string,
    conversationIds: readonly string[],
  ): Promise<Map<string, ConversationIdentity>>;
}

/** A mailbox row without its remembered sends. */
export type MailboxNumbers = Omit<Mailbox, 'recentSends'>;

export type MailboxMove =
  | { readonly moved: true; readonly mailbox: MailboxNumbers }
  | { readonly moved: false; readonly reason: 'older' | 'beyond_end' | 'not_found' };

export interface Mailboxes {
  /** Consistent. */
  get(userId: string, conversationId: string): Promise<Mailbox | undefined>;
  /** Every mailbox of the user, consistent, in no particular order. */
  all(userId: string): Promise<MailboxNumbers[]>;
  /**
   * Those whose conversations were active last, consistent, in no particular order: at least `atLeast`, or all that
   * there are. With `fromHour` (`hourOf`): of that hour all, and of the hours before it at least `atLeast`. One that
   * moves up meanwhile may be among them.
   */
  recent(userId: string, atLeast: number, fromHour?: number): Promise<MailboxNumbers[]>;
  /** Moves deliveredSeq forward to `seq`, never back and never beyond the end. */
  acknowledge(userId: string, conversationId: string, seq: number): Promise<MailboxMove>;
  /** Moves readSeq, and with it deliveredSeq, forward to `seq`. */
  markRead(
    userId: string,
    conversationId: string,
    seq: number,
    sentCountAtRead: number,
  ): Promise<MailboxMove>;
}

export interface Relationships {
  block(ownerId: string, otherId: string): Promise<void>;
  unblock(ownerId: string, otherId: string): Promise<void>;
}

/** Names a message to whoever looks again later. Never holds content. */
export interface MessageReference {
  readonly recipientId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly messageId: string;
}

/** The queue in which every commit leaves a witness. */
export interface DeliveryQueue {
  leave(reference: MessageReference): Promise<void>;
}

/** Hands what could not be delivered to the team's own push service; at least once. */
export interface Notifications {
  publish(notification: MessageReference & { readonly unread: number }): Promise<void>;
}
