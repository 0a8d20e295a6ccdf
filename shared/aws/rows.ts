import type { Conversation } from '#shared/log/conversation.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { noRecentSends, type RecentSends } from '#shared/log/recent-sends.ts';
import type { Mailbox } from '#shared/mailboxes/mailbox.ts';
import type { MailboxNumbers } from '#shared/mailboxes/mailboxes.ts';

/** A row as the document client hands it out. The tables are ours alone, so rows have the shape that we wrote. */
export type Row = Record<string, unknown>;

export function toConversation(row: Row): Conversation {
  return row as unknown as Conversation;
}

export function toMessage(row: Row): StoredMessage {
  return row as unknown as StoredMessage;
}

type Defaulted = 'deliveredSeq' | 'readSeq' | 'sentCount' | 'sentCountAtRead';

/** A sender's counts are missing until the first send, and the positions until they first move. */
export function toMailboxNumbers(row: Row): MailboxNumbers {
  const written = row as unknown as Omit<MailboxNumbers, Defaulted> &
    Partial<Pick<MailboxNumbers, Defaulted>>;
  return { deliveredSeq: 0, readSeq: 0, sentCount: 0, sentCountAtRead: 0, ...written };
}

export function toMailbox(row: Row): Mailbox {
  const { recentSends = noRecentSends } = row as { recentSends?: RecentSends };
  return { ...toMailboxNumbers(row), recentSends };
}
