import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry } from '#shared/cache/message-entry.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { conversation, message } from './support/doubles.ts';

const anyMessage: fc.Arbitrary<StoredMessage> = fc
  .record({
    conversationId: fc.string({ minLength: 1, maxLength: 43 }),
    seq: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
    messageId: fc.uuid({ version: 7 }),
    senderId: fc.string({ minLength: 1, maxLength: 128 }),
    sentAt: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
    ciphertext: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    clientMessageId: fc.option(fc.string({ minLength: 1, maxLength: 64 }), { nil: undefined }),
  })
  .map(({ clientMessageId, ...rest }) => ({
    ...rest,
    senderCount: Math.ceil(rest.seq / 2),
    ...(clientMessageId && { clientMessageId }),
  }));

function encoded(of: StoredMessage): Uint8Array {
  const entry = encodeEntry(of);
  if (!entry) throw new Error('not encoded');
  return entry;
}

describe('a cached message', () => {
  it('is decoded to what was encoded', () => {
    fc.assert(
      fc.property(anyMessage, (original) => {
        expect(decodeEntry(encoded(original), original.conversationId, original.seq)).toEqual(original);
      }),
    );
  });

  it('has a fixed form, so that another version of the code reads it', () => {
    const entry = encoded({
      conversationId: 'c',
      seq: 258,
      messageId: 'm',
      senderId: 's',
      senderCount: 2,
      sentAt: 3,
      clientMessageId: 'x',
      ciphertext: new Uint8Array([0xff, 0xfe]),
    });

    expect(Buffer.from(entry).toString('hex')).toBe(
      `01${'000000000102'}${'000000000002'}${'000000000003'}${'0163'}${'016d'}${'0173'}${'0178'}fffe`,
    );
  });

  it('is the same bytes each time, so that a set holds it once', () => {
    const original = message(7, { clientMessageId: 'once' });

    expect(encoded({ ...original })).toEqual(encoded(original));
  });

  it('costs little beside its content', () => {
    const original = message(1_000_000, { clientMessageId: '0199a1b2-c3d4-7e5f-8a9b-000000000001' });

    expect(encoded(original).length - original.ciphertext.length).toBeLessThan(180);
  });

  it.each([
    ['another conversation', 'another', 7],
    ['another seq', conversation, 8],
  ])('does not count in the place of %s', (_, conversationId, seq) => {
    expect(decodeEntry(encoded(message(7)), conversationId, seq)).toBeUndefined();
  });

  it('is absent when it was cut off anywhere before the content', () => {
    const original = message(7, { ciphertext: new Uint8Array([1]) });
    const entry = encoded(original);

    for (let length = 0; length < entry.length; length += 1) {
      expect(decodeEntry(entry.subarray(0, length), conversation, 7)).toBeUndefined();
    }
  });

  it('is absent when the version is another', () => {
    const entry = encoded(message(7));
    entry[0] = 2;

    expect(decodeEntry(entry, conversation, 7)).toBeUndefined();
  });

  it('is absent when an id is not UTF-8', () => {
    const entry = Buffer.from(encoded(message(7, { senderId: 'sender' })));
    entry[entry.indexOf('sender')] = 0xff;

    expect(decodeEntry(entry, conversation, 7)).toBeUndefined();
  });

  it('never throws, whatever the bytes are', () => {
    const original = message(7);
    const valid = encoded(original);
    const damage = fc.record({ at: fc.nat({ max: valid.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(damage)), (bytesOrDamages) => {
        const bytes = bytesOrDamages instanceof Uint8Array ? bytesOrDamages : Uint8Array.from(valid);
        if (Array.isArray(bytesOrDamages)) for (const { at, byte } of bytesOrDamages) bytes[at] = byte;
        const decoded = decodeEntry(bytes, conversation, 7);
        if (decoded) expect(decoded).toMatchObject({ conversationId: conversation, seq: 7 });
      }),
    );
  });

  it('does not keep the reply that it came in', () => {
    const reply = Buffer.concat([encoded(message(7)), Buffer.alloc(100_000)]);
    const decoded = decodeEntry(reply.subarray(0, encoded(message(7)).length), conversation, 7);

    expect(decoded?.ciphertext.buffer.byteLength).toBe(80);
  });

  it.each([
    ['an empty ciphertext', { ciphertext: new Uint8Array() }],
    ['a seq of 0', { seq: 0 }],
    ['a seq that is no integer', { seq: 1.5 }],
    ['an empty sender', { senderId: '' }],
    ['an id of more than 255 bytes', { senderId: 'é'.repeat(128) }],
  ])('is not made of %s', (_, changes) => {
    expect(encodeEntry(message(7, changes))).toBeUndefined();
  });
});
