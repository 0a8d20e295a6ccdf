import { UnknownDataKey } from '#shared/keys/data-keys.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import type { MessagePlace } from '#shared/log/message.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import { type FuzzTarget, hold } from '../target.ts';

const keyId = new Uint8Array(16).fill(1);
const dataKey = { keyId, key: new Uint8Array(32).fill(2) };
const keySalt = new Uint8Array(32).fill(3);
const cipher = makeMessageCipher({
  dataKeys: {
    current: async () => dataKey,
    async byId(id) {
      if (Buffer.compare(id, keyId) === 0) return dataKey;
      throw new UnknownDataKey(Buffer.from(id).toString('hex'));
    },
  },
  randomBytes: (length) => new Uint8Array(length).fill(4),
});
const place: MessagePlace = {
  conversationId: 'c'.repeat(43),
  seq: 1,
  messageId: '0199a1b2-c3d4-7e5f-8a9b-000000000001',
  senderId: 'alice',
  senderCount: 1,
  sentAt: 1_767_225_600_000,
};
const sealed = await cipher.seal(place, keySalt, 'Hello');

/** Bytes where a sealed message should be: they are that message, or do not open, and nothing else ever comes of them. */
export const target: FuzzTarget = {
  files: ['shared/keys/message-cipher.aes.ts'],
  seeds: [sealed, sealed.subarray(0, 45), await cipher.seal({ ...place, seq: 2 }, keySalt, 'Other')],
  words: ['\u0001', '\u0000', '\u0004'],
  async run(input) {
    const isIt = Buffer.compare(input, sealed) === 0;
    const opened = await cipher.open(place, keySalt, input).catch((error: unknown) => {
      if (error instanceof UnreadableMessage) return undefined;
      throw error;
    });
    hold(opened === (isIt ? 'Hello' : undefined), 'something opened that was never sealed here');
  },
};
