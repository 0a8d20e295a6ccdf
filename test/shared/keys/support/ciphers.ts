import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { DataKey } from '#shared/keys/data-key-memory.ts';
import { UnknownDataKey } from '#shared/keys/data-keys.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import type { MessagePlace } from '#shared/log/message.ts';

const makeDataKey = (): DataKey => ({ keyId: randomBytes(16), key: randomBytes(32) });

/** A cipher over keys that are in memory already; `hand` is what the data keys give out. */
export function makeCipher(dataKey = makeDataKey()) {
  const hand = { dataKey };
  const dataKeys = {
    current: async () => hand.dataKey,
    byId: async (keyId: Uint8Array) => {
      if (Buffer.compare(keyId, hand.dataKey.keyId) === 0) return hand.dataKey;
      throw new UnknownDataKey(Buffer.from(keyId).toString('hex'));
    },
  };
  return { ...makeMessageCipher({ dataKeys, randomBytes }), hand };
}

export const anyText = fc.string({ unit: 'binary', maxLength: 200 });
export const anyId = fc.string({ unit: 'binary', maxLength: 64 });

/** With and without a clientMessageId. */
export const anyPlace: fc.Arbitrary<MessagePlace> = fc.record(
  {
    conversationId: anyId,
    seq: fc.maxSafeNat(),
    messageId: anyId,
    senderId: anyId,
    senderCount: fc.maxSafeNat(),
    sentAt: fc.maxSafeNat(),
    clientMessageId: anyId,
  },
  { requiredKeys: ['conversationId', 'seq', 'messageId', 'senderId', 'senderCount', 'sentAt'] },
);
