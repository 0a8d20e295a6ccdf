import type { OnUnfit } from '#shared/runtime/failures.ts';
import type { Mailbox } from './mailbox.ts';

/** A mailbox row without its remembered sends. */
export type MailboxNumbers = Omit<Mailbox, 'recentSends'>;

export type MailboxMove =
  | { readonly moved: true; readonly mailbox: MailboxNumbers }
  | { readonly moved: false; readonly reason: 'older' | 'beyond_end' | 'not_found' };

/** All of it throws `UnfitRow` for a row that does not fit, but for those that `onUnfit` is told of: these are left out. */
export interface Mailboxes {
  /** Consistent. */
  get(userId: string, conversationId: string): Promise<Mailbox | undefined>;
  /** Every mailbox of the user, consistent, in no particular order. */
  all(userId: string, onUnfit?: OnUnfit): Promise<MailboxNumbers[]>;
  /**
   * Those whose conversations were active last, consistent, in no particular order: at least `atLeast`, or all that
   * there are. With `fromHour` (`hourOf`): of that hour all, and of the hours before it at least `atLeast`. One that
   * moves up meanwhile may be among them.
   */
  recent(userId: string, atLeast: number, fromHour?: number, onUnfit?: OnUnfit): Promise<MailboxNumbers[]>;
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
