import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { makeDeliveryQueue } from '#shared/delivery/delivery-queue.sqs.ts';
import type { MessageReference } from '#shared/delivery/delivery-queue.ts';
import { parseReference } from '#shared/delivery/delivery-queue.ts';
import { directConversationId, isConversationId } from '#shared/log/conversation.ts';
import { isUserId } from '#shared/protocol/user-id.ts';

const sqs = mockClient(SQSClient);
beforeEach(() => {
  sqs.reset();
  sqs.on(SendMessageCommand).resolves({});
});

const queueUrl = 'http://127.0.0.1/queue/deliver';
const makeQueue = () => makeDeliveryQueue({ sqs: new SQSClient({ region: 'us-east-1' }), queueUrl });

const reference: MessageReference = {
  recipientId: 'bob',
  conversationId: directConversationId('alice', 'bob'),
  seq: 7,
  messageId: '019541e0-0000-7000-8000-000000000001',
};

const userId = fc.stringMatching(/^[A-Za-z0-9._:@|-]{1,128}$/);
const references = fc.record(
  {
    recipientId: userId,
    conversationId: fc.tuple(userId, userId).map(([one, other]) => directConversationId(one, other)),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    messageId: fc.uuid({ version: 7 }),
    isLastLook: fc.constant(true as const),
  },
  { noNullPrototype: true, requiredKeys: ['recipientId', 'conversationId', 'seq', 'messageId'] },
);

/** The one request that went to the queue. */
function sent() {
  const calls = sqs.commandCalls(SendMessageCommand);
  expect(calls).toHaveLength(1);
  return calls[0]?.args[0].input;
}

test('a reference comes back after 10 s', async () => {
  await makeQueue().leave(reference);

  expect(sent()).toStrictEqual({
    QueueUrl: queueUrl,
    MessageBody: JSON.stringify(reference),
    DelaySeconds: 10,
  });
});

test('or later, for the last look', async () => {
  await makeQueue().leave({ ...reference, isLastLook: true }, 20);

  expect(sent()).toStrictEqual({
    QueueUrl: queueUrl,
    MessageBody: JSON.stringify({ ...reference, isLastLook: true }),
    DelaySeconds: 20,
  });
});

test('whatever else is handed over with a reference stays out of the queue', async () => {
  const withMore = { ...reference, content: 'a secret', ciphertext: new Uint8Array(3), unread: 2 };

  await makeQueue().leave(withMore);

  expect(Object.keys(sent() ?? {}).sort()).toStrictEqual(['DelaySeconds', 'MessageBody', 'QueueUrl']);
  expect(JSON.parse(sent()?.MessageBody ?? '')).toStrictEqual(reference);
});

test('a queue that refuses is an error', async () => {
  sqs.on(SendMessageCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDenied' }));

  await expect(makeQueue().leave(reference)).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('every reference that is left is read as the same', async () => {
  await fc.assert(
    fc.asyncProperty(references, async (one) => {
      sqs.resetHistory();
      await makeQueue().leave(one);
      expect(parseReference(sent()?.MessageBody ?? '')).toStrictEqual(one);
    }),
  );
});

test.for<[string, Record<string, unknown>]>([
  ['no recipient', { recipientId: undefined }],
  ['a recipient that is none', { recipientId: 'bob\n' }],
  ['a list for a recipient', { recipientId: ['bob'] }],
  ['no conversation', { conversationId: undefined }],
  ['a conversation that cannot be', { conversationId: 'short' }],
  ['a list for a conversation', { conversationId: [reference.conversationId] }],
  ['no seq', { seq: undefined }],
  ['seq 0', { seq: 0 }],
  ['a seq in words', { seq: '7' }],
  ['half a seq', { seq: 7.5 }],
  ['a seq beyond what is exact', { seq: Number.MAX_SAFE_INTEGER + 1 }],
  ['no message id', { messageId: undefined }],
  ['a number for a message id', { messageId: 7 }],
  ['a look that is none', { isLastLook: 'yes' }],
])('%s: an error', ([, change]) => {
  expect(() => parseReference(JSON.stringify({ ...reference, ...change }))).toThrow();
});

/** Bodies of every kind: any text, any JSON, and what is nearly a reference. */
const bodies = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc
    .tuple(references, fc.dictionary(fc.constantFrom(...Object.keys(reference), 'content'), fc.jsonValue()))
    .map(([one, change]) => JSON.stringify({ ...one, ...change })),
);

test('any body is a reference, and nothing beside it, or an error', () => {
  fc.assert(
    fc.property(bodies, (body) => {
      const parsed = orError(() => parseReference(body));
      if (parsed instanceof Error) return;
      const { isLastLook, ...named } = parsed;
      expect(Object.keys(named).sort()).toStrictEqual(Object.keys(reference).sort());
      expect([undefined, true]).toContain(isLastLook);
      expect(isUserId(parsed.recipientId)).toBe(true);
      expect(isConversationId(parsed.conversationId)).toBe(true);
      expect(Number.isSafeInteger(parsed.seq) && parsed.seq >= 1).toBe(true);
      expect(parsed.messageId).toBeTypeOf('string');
    }),
    { numRuns: 500 },
  );
});

function orError<T>(read: () => T): T | Error {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error('What was thrown is no Error.', { cause: error });
  }
}
