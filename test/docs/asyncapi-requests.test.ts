import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actions as rows } from '#shared/actions.ts';
import { parseRequest } from '#test/support/parse-request.ts';
import { lastPart, messageValidators, readAsyncApi, requestNames } from './support/asyncapi.ts';

type Fields = Readonly<Record<string, unknown>>;

const document = readAsyncApi();
const validators = messageValidators(document);
const actions = requestNames(document);

/** Whether the document allows the frame: as the request that its action names. */
function allows(frame: unknown): boolean {
  return actions.some((action) => validators.get(action)?.(frame) === true);
}

const times = (length: number) => (character: string) => character.repeat(length);

/** Texts at, below and above every limit of the contract, counted in characters, in bytes and as JSON. */
const texts = fc.oneof(
  fc.constantFrom(
    'bob',
    'a',
    '',
    ' ',
    'é',
    '😀',
    '\ud800',
    'a\udc00',
    'a\nb',
    '\x7f',
    '\x1f',
    '~',
    'ú|x',
    '__proto__',
  ),
  fc
    .constantFrom(64, 65, 128, 129, 256, 257)
    .chain((length) => fc.constantFrom('a', 'é', '😀', '-', ' ').map(times(length))),
  fc.constantFrom(16_384, 16_385).map((length) => 'a'.repeat(length)),
  fc.constantFrom(8_192, 8_193).map((length) => 'é'.repeat(length)),
  // Six bytes each as JSON: 5,166 of them and two quotes are 30,998.
  fc.constantFrom(5_166, 5_167).map((length) => '\u0001'.repeat(length)),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', 'a'), maxLength: 4 }),
);
const numbers = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 1.5, 50, 100, 101, 2 ** 53 - 1, 2 ** 53, 1e300),
  fc.integer({ min: -5, max: 105 }),
);
const positions = fc.oneof(
  fc.dictionary(texts, numbers, { maxKeys: 3 }),
  fc
    .constantFrom(99, 100, 101, 499, 500, 501)
    .map((count) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 1 + index])),
    ),
);
const anything = fc.oneof(
  texts,
  numbers,
  positions,
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.jsonValue(),
);

const good = {
  text: fc.constantFrom('bob', 'tXkOwBUIbHHCVqA6mJQXkYlQFe6mJZ4hYlDgDzXyZ1Y'),
  seq: fc.integer({ min: 1, max: 100 }),
  position: fc.integer({ min: 0, max: 100 }),
};
const goodPositions = fc.dictionary(good.text, good.seq, { maxKeys: 3 });
const fieldsOf: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  send: { recipientId: good.text, conversationId: good.text, content: good.text, clientMessageId: good.text },
  reconnect: { positions: goodPositions, only: fc.boolean(), epoch: good.text },
  ack: { positions: goodPositions },
  read: { conversationId: good.text, seq: good.seq },
  history: { conversationId: good.text, before: good.seq, after: good.position, limit: good.seq },
  conversations: { cursor: good.text, limit: good.seq },
  block: { userId: good.text },
  unblock: { userId: good.text },
  ping: {},
};

/** Some of an action's fields with good values. */
const plain = fc
  .constantFrom(...Object.keys(fieldsOf))
  .chain((action) =>
    fc
      .record({ requestId: good.text, ...fieldsOf[action] }, { requiredKeys: [] })
      .map((fields): Fields => ({ action, ...fields })),
  );
const names = [...new Set(['action', 'requestId', ...Object.values(fieldsOf).flatMap(Object.keys)])];
const name = fc.oneof(fc.constantFrom(...names), fc.constantFrom('contents', '__proto__', 'constructor', ''));

/** A valid frame, or one that is wrong in one or two places. */
const frames = fc.oneof(
  plain,
  // Changes a field that is there, so that the rest of the frame stays right.
  fc.tuple(plain, fc.nat(), anything).map(([frame, at, value]): Fields => {
    const keys = Object.keys(frame);
    return { ...frame, [keys[at % keys.length] ?? 'action']: value };
  }),
  fc
    .tuple(plain, fc.dictionary(name, anything, { minKeys: 1, maxKeys: 2 }))
    .map(([frame, others]): Fields => ({ ...frame, ...others })),
);

/** Calls `check` with what the server makes of the frame and what the document does. */
function compare(frame: unknown): { readonly accepted: boolean; readonly allowed: boolean } {
  const body = JSON.stringify(frame);
  return { accepted: 'request' in parseRequest(body), allowed: allows(JSON.parse(body)) };
}

test('the server accepts a frame if and only if the document allows it', () => {
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(frames, (frame) => {
      // A frame above 32,768 bytes closes the connection: no schema of one object says that.
      fc.pre(Buffer.byteLength(JSON.stringify(frame)) <= 32_768);
      const { accepted, allowed } = compare(frame);
      seen[accepted ? 'accepted' : 'refused'] += 1;
      expect(allowed, JSON.stringify(frame).slice(0, 300)).toBe(accepted);
    }),
    { numRuns: 6_000 },
  );
  // Both answers must have been put to the test.
  expect(seen.accepted).toBeGreaterThan(500);
  expect(seen.refused).toBeGreaterThan(500);
});

test('at each limit the last value passes and the next one does not, by both', () => {
  const content = (text: string) => ({ action: 'send', recipientId: 'bob', content: text });
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, 1]));
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [content('a'.repeat(16_384)), content('a'.repeat(16_385))],
    [content(`aa${'é'.repeat(8_191)}`), content(`aaa${'é'.repeat(8_191)}`)],
    [content(`aa${'\u0001'.repeat(5_166)}`), content(`aaa${'\u0001'.repeat(5_166)}`)],
    [content('\u0001'.repeat(5_166)), content('\u0001'.repeat(5_167))],
    [
      { action: 'ping', requestId: '😀'.repeat(64) },
      { action: 'ping', requestId: '😀'.repeat(65) },
    ],
    [
      { action: 'block', userId: 'a'.repeat(128) },
      { action: 'block', userId: 'a'.repeat(129) },
    ],
    [
      { ...content('a'), clientMessageId: '~'.repeat(64) },
      { ...content('a'), clientMessageId: '~'.repeat(65) },
    ],
    [
      { action: 'reconnect', positions: many(500), epoch: '1' },
      { action: 'reconnect', positions: many(501), epoch: '1' },
    ],
    [
      { action: 'reconnect', epoch: '😀'.repeat(256) },
      { action: 'reconnect', epoch: '😀'.repeat(257) },
    ],
    [
      { action: 'ack', positions: many(100) },
      { action: 'ack', positions: many(101) },
    ],
    [
      { action: 'reconnect', positions: { c: 0 }, epoch: '1' },
      { action: 'reconnect', positions: { c: -1 }, epoch: '1' },
    ],
    [
      { action: 'reconnect', positions: {} },
      { action: 'reconnect', positions: { c: 0 } },
    ],
    [
      { action: 'ack', positions: { c: 1 } },
      { action: 'ack', positions: { c: 0 } },
    ],
    [
      { action: 'conversations', limit: 100 },
      { action: 'conversations', limit: 101 },
    ],
    [
      { action: 'conversations', limit: 1 },
      { action: 'conversations', limit: 0 },
    ],
    [
      { action: 'history', conversationId: 'c', after: 2 ** 60 },
      { action: 'history', conversationId: 'c', after: 0.5 },
    ],
    [
      { action: 'reconnect', positions: {}, only: true },
      { action: 'reconnect', only: true },
    ],
  ];
  for (const [last, next] of pairs) {
    expect(compare(last), JSON.stringify(last).slice(0, 100)).toEqual({ accepted: true, allowed: true });
    expect(compare(next), JSON.stringify(next).slice(0, 100)).toEqual({ accepted: false, allowed: false });
  }
});

test('the document has an operation for each row of the registry, with its reply, and for no other action', () => {
  expect([...actions].sort()).toEqual(Object.keys(rows).sort());
  expect([...actions].sort()).toEqual(Object.keys(fieldsOf).sort());
  for (const [action, { reply }] of Object.entries(rows)) {
    const operations = Object.values(document.operations).filter(({ messages }) =>
      messages.map(lastPart).includes(action),
    );
    expect(operations.flatMap((one) => one.reply?.messages ?? []).map(lastPart), action).toContain(reply);
  }
});
