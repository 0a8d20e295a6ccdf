import { decodeEntry, encodeEntry } from '#shared/cache/message-entry.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { type FuzzTarget, hold } from '../target.ts';

const message: StoredMessage = {
  conversationId: 'c'.repeat(43),
  seq: 258,
  messageId: '0199a1b2-c3d4-7e5f-8a9b-000000000001',
  senderId: 'alice',
  senderCount: 2,
  sentAt: 1_767_225_600_000,
  ciphertext: new Uint8Array(46).fill(7),
};

/** Bytes of the shared cache: exactly one message, for exactly the place that was asked for, or nothing. */
export const target: FuzzTarget = {
  files: ['shared/cache/message-entry.ts'],
  seeds: [
    encodeEntry(message) ?? '',
    encodeEntry({ ...message, clientMessageId: 'once', ciphertext: new Uint8Array([1]) }) ?? '',
    encodeEntry({ ...message, conversationId: 'é', senderId: '|', seq: 2 ** 48 - 1 }) ?? '',
  ],
  words: ['\u0001', '\u0000', 'c', '\ufeff', 'ÿ'],
  run(input) {
    // The place that the entry itself names, so that what lies behind this check is tried as well.
    const bytes = Buffer.from(input);
    const seq = bytes.length >= 7 ? bytes.readUIntBE(1, 6) : 0;
    const length = bytes[19] ?? 0;
    const conversationId = bytes.subarray(20, 20 + length).toString();
    const decoded = decodeEntry(input, conversationId, seq);
    hold(decodeEntry(input, `${conversationId}x`, seq) === undefined, 'an entry of another conversation');
    hold(decodeEntry(input, conversationId, seq + 1) === undefined, 'an entry of another seq');
    if (decoded === undefined) return;
    const again = encodeEntry(decoded);
    hold(again !== undefined && bytes.equals(again), 'two entries for one message');
  },
};
