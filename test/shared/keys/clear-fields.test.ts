import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import type { ConversationLog } from '#shared/log/conversation-log.ts';
import type { MessagePlace, StoredMessage } from '#shared/log/message.ts';
import { makeReadMessages } from '#shared/reading/read-messages.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import { anyId, anyPlace, anyText, makeCipher } from './support/ciphers.ts';
import { keySalt, makeVirtualClock, place, recordTelemetry } from './support/environment.ts';

/** Any 16-bit units, lone surrogates among them. */
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units));
const anyNumber = fc.oneof(fc.maxSafeNat(), fc.double(), fc.integer());

/** What may stand in each field instead, impossible values too: an attribute of a table can be of any type. */
const otherValues: Record<keyof MessagePlace, fc.Arbitrary<unknown>> = {
  conversationId: fc.oneof(anyId, anyUnits),
  seq: anyNumber,
  messageId: fc.oneof(anyId, anyUnits, fc.anything()),
  senderId: fc.oneof(anyId, anyUnits, fc.anything()),
  senderCount: fc.oneof(anyNumber, fc.anything()),
  sentAt: fc.oneof(anyNumber, fc.anything()),
  clientMessageId: fc.oneof(anyId, anyUnits, fc.anything(), fc.constant(undefined)),
};

const { clientMessageId: _, ...withNone } = place;
const withEmpty = { ...withNone, clientMessageId: '' };

describe('a ciphertext opens with exactly the values that it was sealed with', () => {
  test.each(Object.keys(otherValues) as (keyof MessagePlace)[])('not with another %s', async (field) => {
    const cipher = makeCipher();
    await fc.assert(
      fc.asyncProperty(anyPlace, otherValues[field], anyText, async (from, value, content) => {
        fc.pre(value !== from[field]);
        const to = { ...from, [field]: value } as MessagePlace;
        const sealed = await cipher.seal(from, keySalt, content);
        await expect(cipher.open(to, keySalt, sealed)).rejects.toThrow(UnreadableMessage);
      }),
      { numRuns: 300 },
    );
  });

  test('not when a character moves from the end of one to the start of the next', async () => {
    const cipher = makeCipher();
    const sealed = await cipher.seal({ ...place, messageId: 'ab', senderId: 'c' }, keySalt, 'hello');
    const moved = { ...place, messageId: 'a', senderId: 'bc' };
    await expect(cipher.open(moved, keySalt, sealed)).rejects.toMatchObject({ reason: 'notAuthentic' });
  });

  test.each([
    ['sealed without a clientMessageId, not with an empty one', withNone, withEmpty],
    ['sealed with an empty clientMessageId, not without one', withEmpty, withNone],
  ])('%s', async (_name, from, to) => {
    const cipher = makeCipher();
    const sealed = await cipher.seal(from, keySalt, 'hello');
    expect(await cipher.open(from, keySalt, sealed)).toBe('hello');
    await expect(cipher.open(to, keySalt, sealed)).rejects.toMatchObject({ reason: 'notAuthentic' });
  });
});

describe('a reader of altered entries', () => {
  const alterations: [string, (message: StoredMessage) => StoredMessage][] = [
    ['another clientMessageId', (message) => ({ ...message, clientMessageId: 'forged' })],
    ['no clientMessageId', ({ clientMessageId: _removed, ...message }) => message],
    ['another senderCount', (message) => ({ ...message, senderCount: 2 })],
    ['another sender', (message) => ({ ...message, senderId: 'bob' })],
    ['another time', (message) => ({ ...message, sentAt: message.sentAt + 1 })],
  ];

  /** One committed message, read through a tier and a log that hold what is given. */
  async function read(
    inTier: (m: StoredMessage) => StoredMessage,
    inLog: (m: StoredMessage) => StoredMessage,
  ) {
    const cipher = makeCipher();
    const message = { ...place, ciphertext: new Uint8Array(await cipher.seal(place, keySalt, 'hello')) };
    const tier = makeMemoryCache();
    await tier.put(inTier(message));
    const telemetry = recordTelemetry();
    const readMessages = makeReadMessages({
      cipher,
      tiers: [tier],
      log: { messages: async () => [inLog(message)] } as Partial<ConversationLog> as ConversationLog,
      clock: makeVirtualClock(),
      random: () => 0,
      telemetry,
    });
    const { conversationId, seq, sentAt } = place;
    const conversation = { conversationId, members: ['alice', 'bob'] as const, keySalt };
    const range = { from: seq, to: seq, lastSeq: seq, lastMessageAt: sentAt };
    const result = await readMessages(conversation, range);
    const kept = await tier.range(conversationId, seq, seq);
    return { message, opened: result.messages.map(({ stored }) => stored), kept, telemetry };
  }

  test.each(alterations)('in a tier: %s is dropped, and the true one told', async (_name, alter) => {
    const { message, opened, kept, telemetry } = await read(alter, (given) => given);
    expect(opened).toStrictEqual([message]);
    expect(kept).toStrictEqual([message]);
    expect(telemetry.counts.UnreadableMessage).toBe(1);
  });

  test.each(alterations)('in the table: a message with %s is skipped, not told', async (_name, alter) => {
    const { opened, kept, telemetry } = await read(alter, alter);
    expect(opened).toStrictEqual([]);
    expect(kept).toStrictEqual([]);
    expect(telemetry.counts.MessagesSkipped).toBe(1);
  });
});
