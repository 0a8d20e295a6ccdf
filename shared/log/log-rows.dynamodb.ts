import { type Row, readerOf } from '#shared/aws/rows.ts';

/** What the log reads of its tables. */
export const heads = readerOf('conversations', [
  'conversationId',
  'members',
  'lastSeq',
  'lastMessageAt',
  'keySalt',
]);
export const identitiesOfHeads = readerOf('conversations', ['conversationId', 'members', 'keySalt']);
export const endsOfHeads = readerOf('conversations', ['lastSeq']);

export const senderMailboxes = readerOf('mailboxes', [
  'userId',
  'conversationId',
  'lastSeq',
  'deliveredSeq',
  'readSeq',
  'lastMessageAt',
  'recentSends',
  'sentCount',
  'sentCountAtRead',
]);
export const endsOfMailboxes = readerOf('mailboxes', ['lastSeq']);

export const relationships = readerOf('relationships', ['blocked']);

export const messages = readerOf('messages', [
  'conversationId',
  'seq',
  'messageId',
  'senderId',
  'senderCount',
  'sentAt',
  'clientMessageId',
  'ciphertext',
]);
const places = readerOf('messages', ['seq']);
const times = readerOf('messages', ['sentAt']);

/** Where a message stands and when it was sent, if that can be told: also of a row that does not fit otherwise. */
export function outlineOf(row: Row): { readonly seq: number; readonly sentAt: number | undefined } {
  const [time] = times.all([row], () => {});
  return { seq: places.one(row).seq, sentAt: time?.sentAt };
}
