import { type Row, readerOf } from '#shared/aws/rows.ts';

/** What the log reads of its tables. */
export const heads = /* @__PURE__ */ readerOf('conversations', [
  'conversationId',
  'members',
  'lastSeq',
  'lastMessageAt',
  'keySalt',
]);
export const identitiesOfHeads = /* @__PURE__ */ readerOf('conversations', [
  'conversationId',
  'members',
  'keySalt',
]);
export const endsOfHeads = /* @__PURE__ */ readerOf('conversations', ['lastSeq']);

/** With the remembered sends. */
export const wholeMailboxes = /* @__PURE__ */ readerOf('mailboxes', [
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
export const endsOfMailboxes = /* @__PURE__ */ readerOf('mailboxes', ['lastSeq']);

export const relationships = /* @__PURE__ */ readerOf('relationships', ['blocked']);

export const messages = /* @__PURE__ */ readerOf('messages', [
  'conversationId',
  'seq',
  'messageId',
  'senderId',
  'senderCount',
  'sentAt',
  'clientMessageId',
  'ciphertext',
]);
/** What a repair needs of each message. */
export const entries = /* @__PURE__ */ readerOf('messages', [
  'seq',
  'senderId',
  'senderCount',
  'sentAt',
  'clientMessageId',
]);
const places = /* @__PURE__ */ readerOf('messages', ['seq']);
const times = /* @__PURE__ */ readerOf('messages', ['sentAt']);

/** Where a message stands and when it was sent, if that can be told: also of a row that does not fit otherwise. */
export function outlineOf(row: Row): { readonly seq: number; readonly sentAt: number | undefined } {
  const [time] = times.all([row], () => {});
  return { seq: places.one(row).seq, sentAt: time?.sentAt };
}
