import type { RecentSends } from '#shared/log/recent-sends.ts';

/** How far a conversation has grown and how far one of its members has got. */
export interface Mailbox {
  readonly userId: string;
  readonly conversationId: string;
  readonly lastSeq: number;
  /** All up to here has arrived, as the member acknowledged. */
  readonly deliveredSeq: number;
  readonly readSeq: number;
  /** Milliseconds since the epoch. */
  readonly lastMessageAt: number;
  readonly recentSends: RecentSends;
  /** How many messages the member has sent here. */
  readonly sentCount: number;
  /** How many of those are at or below `readSeq`. */
  readonly sentCountAtRead: number;
}

/** The hour of a time in milliseconds since the epoch: whole hours since then. */
export function hourOf(time: number): number {
  return Math.floor(time / 3_600_000);
}

/** Messages above `readSeq` that came from somebody else. */
export function unreadCount(
  mailbox: Pick<Mailbox, 'lastSeq' | 'readSeq' | 'sentCount' | 'sentCountAtRead'>,
): number {
  return mailbox.lastSeq - mailbox.readSeq - (mailbox.sentCount - mailbox.sentCountAtRead);
}
