import { createDecipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import type { MessagePlace } from '#shared/log/message.ts';

interface Vector {
  readonly name: string;
  readonly dataKey: string;
  readonly keyId: string;
  readonly keySalt: string;
  readonly iv: string;
  readonly place: MessagePlace;
  readonly content: string;
  readonly info: string;
  readonly messageKey: string;
  readonly additionalData: string;
  readonly ciphertext: string;
}

const file = new URL('../../../shared/keys/test-vectors.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

function cipherOf(vector: Vector) {
  const dataKey = { keyId: bytes(vector.keyId), key: bytes(vector.dataKey) };
  return makeMessageCipher({
    dataKeys: { current: async () => dataKey, byId: async () => dataKey },
    randomBytes: (length) => bytes(vector.iv).subarray(0, length),
  });
}

describe.each(vectors)('test vector: $name', (vector) => {
  test('sealing gives exactly these bytes', async () => {
    const sealed = await cipherOf(vector).seal(vector.place, bytes(vector.keySalt), vector.content);
    expect(Buffer.from(sealed).toString('hex')).toBe(vector.ciphertext);
  });

  test('opening gives the content back', async () => {
    const opened = cipherOf(vector).open(vector.place, bytes(vector.keySalt), bytes(vector.ciphertext));
    expect(await opened).toBe(vector.content);
  });

  test('a decoder written from docs/encryption.md alone agrees, intermediate values included', () => {
    expect(decodeByTheDocument(vector)).toEqual({
      keyId: vector.keyId,
      info: vector.info,
      messageKey: vector.messageKey,
      additionalData: vector.additionalData,
      content: vector.content,
    });
  });
});

test('the vectors cover one format version, and no two of them are alike', () => {
  expect(vectors.length).toBeGreaterThanOrEqual(8);
  expect(new Set(vectors.map(({ ciphertext }) => ciphertext)).size).toBe(vectors.length);
  expect(vectors.every(({ ciphertext }) => ciphertext.startsWith('01'))).toBe(true);
  const clientMessageIds = vectors.map(({ place }) => place.clientMessageId);
  expect(clientMessageIds).toEqual(expect.arrayContaining([undefined, '', 'm-7']));
});

/** Shares no code with the product: HKDF is spelt out by HMAC (RFC 5869), the bytes by hand. */
function decodeByTheDocument({ dataKey, keySalt, place, ciphertext }: Vector) {
  const sealed = bytes(ciphertext);
  if (sealed[0] !== 1) throw new Error('not version 1');
  const text = (value: string) => {
    const utf8 = new TextEncoder().encode(value);
    const out = new Uint8Array(4 + utf8.length);
    new DataView(out.buffer).setUint32(0, utf8.length);
    out.set(utf8, 4);
    return out;
  };
  const number = (value: number) => {
    const out = new Uint8Array(8);
    new DataView(out.buffer).setBigUint64(0, BigInt(value));
    return out;
  };
  const optional = (value: string | undefined) =>
    value === undefined ? Uint8Array.of(0) : Buffer.concat([Uint8Array.of(1), text(value)]);
  const info = Buffer.concat([Buffer.from('postrider/message-key/v1'), text(place.conversationId)]);
  const extracted = createHmac('sha256', bytes(keySalt)).update(bytes(dataKey)).digest();
  const messageKey = createHmac('sha256', extracted).update(info).update(Uint8Array.of(1)).digest();
  const additionalData = Buffer.concat([
    Uint8Array.of(1),
    text(place.conversationId),
    number(place.seq),
    text(place.messageId),
    text(place.senderId),
    number(place.senderCount),
    number(place.sentAt),
    optional(place.clientMessageId),
  ]);
  const decipher = createDecipheriv('aes-256-gcm', messageKey, sealed.slice(17, 29));
  decipher.setAAD(additionalData).setAuthTag(sealed.slice(sealed.length - 16));
  const content = Buffer.concat([decipher.update(sealed.slice(29, sealed.length - 16)), decipher.final()]);
  return {
    keyId: Buffer.from(sealed.slice(1, 17)).toString('hex'),
    info: info.toString('hex'),
    messageKey: messageKey.toString('hex'),
    additionalData: additionalData.toString('hex'),
    content: content.toString('utf8'),
  };
}
