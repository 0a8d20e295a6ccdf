import type { Mutation } from './mutation.ts';

const cipher = 'shared/keys/message-cipher.aes.ts';
const store = 'shared/keys/data-key-store.kms.ts';
const memory = 'shared/keys/data-key-memory.ts';
const limiter = 'shared/limits/rate-limiter.dynamodb.ts';
const rotationTest = 'shared/keys/data-key-rotation.test.ts';
const keysTest = 'shared/keys/data-keys.test.ts';
const limiterTest = 'shared/limits/rate-limiter.interleavings.test.ts';
const refusalsTest = 'shared/limits/rate-limiter.refusals.test.ts';

const boundFields = [
  ['conversationId', 'lengthPrefixed(conversationId)', "lengthPrefixed('')"],
  ['seq', 'seq: eightBytes(seq)', 'seq: eightBytes(0)'],
  ['messageId', 'lengthPrefixed(messageId)', "lengthPrefixed('')"],
  ['senderId', 'lengthPrefixed(senderId)', "lengthPrefixed('')"],
  ['senderCount', 'eightBytes(senderCount)', 'eightBytes(0)'],
  ['sentAt', 'eightBytes(sentAt)', 'eightBytes(0)'],
  ['clientMessageId', 'optional(clientMessageId)', 'optional(undefined)'],
] as const;

/** Encryption, data keys, rate limits, tokens. */
export const surroundings: readonly Mutation[] = [
  {
    guard: 'content is encrypted at all',
    file: cipher,
    find: 'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag()]);',
    replace:
      'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag(), Buffer.from(content)]);',
    test: 'shared/keys/test-vectors.test.ts',
  },
  {
    guard: 'the additional data of the encryption',
    ...{ file: cipher, find: '.setAAD(bound)', replace: '.setAAD(Buffer.of(version))' },
    test: 'shared/keys/clear-fields.test.ts',
  },
  ...boundFields.map(([field, find, replace]) => ({
    guard: `the ciphertext is bound to ${field}`,
    ...{ file: cipher, find, replace, test: 'shared/keys/clear-fields.test.ts' },
  })),
  {
    guard: 'the pointer to the data key moves on from the previous key alone',
    file: store,
    find: 'await put(pointer, pointerIsPrevious, previousId)',
    replace: "await put(pointer, 'attribute_not_exists(nothing)', undefined)",
    test: rotationTest,
  },
  {
    guard: 'the row of a data key is written before the pointer',
    file: store,
    find: 'if (!(await put({ keyId, wrappedKey, createdAt }, rowIsOurs, wrappedKey))) return undefined;',
    replace: '',
    test: rotationTest,
  },
  {
    guard: 'data keys are read consistently',
    ...{ file: store, find: ', ConsistentRead: true', replace: '', test: keysTest },
  },
  {
    guard: 'a wrapped data key is bound to its id',
    file: store,
    find: "({ application: 'postrider', dataKeyId: keyId })",
    replace: "({ application: keyId && 'postrider' })",
    test: keysTest,
  },
  {
    guard: 'a refused KMS key drops every data key at once',
    ...{ file: memory, find: 'held.clear();', replace: '', test: keysTest },
  },
  {
    guard: 'a data key that cannot be loaded again goes in the end',
    ...{ file: memory, find: ' || now >= found.limit', replace: '', test: keysTest },
  },
  {
    guard: 'GCRA: a full budget is charged from now on',
    file: limiter,
    find: "'(attribute_not_exists(#tat) OR #tat <= :now)'",
    replace: "'(attribute_not_exists(nothing))'",
    test: limiterTest,
  },
  {
    guard: 'GCRA: a used budget is charged from its tat',
    file: limiter,
    find: 'ConditionExpression: `${budgetIsPartlyUsed} AND ${budgetHasEnough}`',
    replace: 'ConditionExpression: `${budgetHasEnough} OR ${budgetIsPartlyUsed}`',
    test: limiterTest,
  },
  {
    guard: 'GCRA: no more than is left',
    ...{ file: limiter, find: "const budgetHasEnough = '#tat <= :latest';", test: limiterTest },
    replace: "const budgetHasEnough = '(#tat <= :latest OR #tat > :latest)';",
  },
  {
    guard: 'GCRA: a refusal that is known to hold costs no update',
    file: limiter,
    find: 'if (!soFar.allowed) return soFar;',
    replace: '',
    test: 'shared/limits/rate-limiter.calls.test.ts',
  },
  {
    guard: 'a request whose refusal is known does no work',
    file: 'shared/limits/refusals.ts',
    find: '  refuse(limiter.lastKnown(charges));\n',
    replace: '',
    test: 'shared/limits/request-limits.test.ts',
  },
  {
    guard: 'GCRA: a refund is given once',
    ...{ file: limiter, find: '`${rowExists} AND ${refundIsNew}`', replace: 'rowExists || refundIsNew' },
    test: limiterTest,
  },
  {
    guard: 'a refused request gives back what other limits granted',
    file: limiter,
    find: 'await Promise.all(granted.map(({ booking }) => giveBack(booking)));',
    replace: '',
    test: refusalsTest,
  },
  {
    guard: 'a limit that fails closed lets nothing through unchecked',
    ...{
      file: limiter,
      find: "if (whenStoreFails === 'open') return",
      replace: 'return',
      test: refusalsTest,
    },
  },
  {
    guard: 'a frame after the expiry ends the connection',
    file: 'shared/runtime/frame-handler.middy.ts',
    find: 'if (clock.now() < actorOf(event).expiresAt) return;',
    replace: 'if (clock.now() < Number.POSITIVE_INFINITY) return;',
    test: 'shared/runtime/frame-handler.test.ts',
  },
  {
    guard: 'the 21st connection ends the oldest',
    file: 'shared/connections/open-connection.ts',
    find: 'live.sort(newestFirst).slice(limits.connectionsPerUser)',
    replace: 'live.sort(newestFirst).slice(limits.connectionsPerUser * 100)',
    test: 'shared/connections/open-connection.test.ts',
  },
  {
    guard: 'a connection that failed to open leaves no row',
    file: 'shared/connections/open-connection.ts',
    find: 'await connections.remove(connection).catch(',
    replace: 'await Promise.resolve().catch(',
    test: 'shared/connections/open-connection.test.ts',
  },
  {
    guard: 'an answer that goes silent after its headers is given up',
    file: 'shared/aws/clients.ts',
    find: 'socketTimeout: requestTimeout,',
    replace: '',
    test: 'shared/aws/clients.test.ts',
  },
  {
    guard: 'a request is answered before Lambda ends its function',
    file: 'shared/runtime/frame-handler.middy.ts',
    find: 'const timeoutEarlyInMillis = 2_000;',
    replace: 'const timeoutEarlyInMillis = 5;',
    test: 'shared/runtime/frame-handler.test.ts',
  },
  {
    guard: 'rows of connections that cannot live any longer are passed over',
    file: 'shared/connections/connections.dynamodb.ts',
    find: 'connection.connectedAt + longestLifeMs > clock.now()',
    replace: 'connection.connectedAt + longestLifeMs > 0',
    test: 'shared/connections/connections.test.ts',
  },
];
