import type { StoredMessage } from '#shared/log/message.ts';

/** What may stand in a tier in the place of a message. */
export const entryStates = [
  'absent',
  'true',
  'true',
  'flipped',
  'cut',
  'of a neighbour',
  'of another conversation',
  'another sender',
  'another time',
  'another clientMessageId',
  'another messageId',
] as const;

export interface EntryPlace {
  readonly state: (typeof entryStates)[number];
  readonly byte: number;
  readonly bit: number;
}

/** What stands in the place of `row`; `neighbour` is of the same conversation, `other` of another one. */
export function alterEntry(
  row: StoredMessage,
  neighbour: StoredMessage,
  other: StoredMessage,
  place: EntryPlace | undefined,
): StoredMessage | undefined {
  const { state, byte, bit } = place ?? { state: 'absent', byte: 0, bit: 0 };
  const { conversationId, seq } = row;
  const flipped = new Uint8Array(row.ciphertext);
  const at = byte % flipped.length;
  flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
  switch (state) {
    case 'absent':
      return undefined;
    case 'true':
      return row;
    case 'flipped':
      return { ...row, ciphertext: flipped };
    case 'cut':
      return { ...row, ciphertext: row.ciphertext.slice(0, Math.max(1, at)) };
    case 'of a neighbour':
      return { ...neighbour, seq };
    case 'of another conversation':
      return { ...other, conversationId, seq };
    case 'another sender':
      return { ...row, senderId: 'mallory' };
    case 'another time':
      return { ...row, sentAt: row.sentAt + 1 };
    case 'another clientMessageId':
      return { ...row, clientMessageId: 'another' };
    case 'another messageId':
      return { ...row, messageId: neighbour.messageId };
  }
}
