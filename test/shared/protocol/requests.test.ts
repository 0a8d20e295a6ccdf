import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '#shared/protocol/errors.ts';
import { parseRequest } from '#test/support/parse-request.ts';

const id = 'x'.repeat(43);
const parse = (frame: unknown) => parseRequest(JSON.stringify(frame));
const refusal = (frame: unknown) => {
  const parsed = parse(frame);
  if (!('error' in parsed)) throw new Error('accepted');
  return parsed.error;
};

describe('valid requests', () => {
  test.for([
    { action: 'send', recipientId: 'bob', content: 'hi' },
    { action: 'send', conversationId: id, content: 'é'.repeat(8_192), clientMessageId: ' ~'.repeat(32) },
    { action: 'send', recipientId: 'A.b_c:d@e|f-9', content: '"'.repeat(15_499) },
    { action: 'reconnect' },
    { action: 'read', conversationId: id, seq: 1 },
    { action: 'history', conversationId: id },
    { action: 'history', conversationId: id, before: 1, limit: 100 },
    { action: 'history', conversationId: id, after: 0, limit: 1 },
    { action: 'conversations', cursor: 'c', limit: 100 },
    { action: 'block', userId: 'bob' },
    { action: 'unblock', userId: 'bob' },
    { action: 'ping' },
  ])('%j', (frame) => {
    expect(parse({ ...frame, requestId: 'r' })).toStrictEqual({ request: frame, requestId: 'r' });
  });

  test('an integer that numbers no longer tell apart is one beyond every seq', () => {
    for (const after of [2 ** 53, 2 ** 60, 1e30])
      expect(parse({ action: 'history', conversationId: id, after })).toStrictEqual({
        request: { action: 'history', conversationId: id, after: Number.MAX_SAFE_INTEGER },
      });
  });

  test('positions become a map in the frame’s order', () => {
    const positions = { [id]: 0, other: 7, '': 8 };
    expect(parse({ action: 'reconnect', positions, only: true, epoch: 'e' })).toStrictEqual({
      request: { action: 'reconnect', positions: new Map(Object.entries(positions)), only: true, epoch: 'e' },
    });
  });
});

describe('refusals name what is wrong', () => {
  test.for<[string, unknown, string]>([
    ['no action', {}, '"action"'],
    ['an ill-typed action', { action: 1 }, '"action"'],
    ['an unknown action', { action: 'sned' }, 'sned'],
    ['an action that is only inherited', { action: 'toString' }, 'toString'],
    ['an unknown field', { action: 'ping', extra: 1 }, '"extra"'],
    ['a field of another action', { action: 'ping', content: 'x' }, '"content"'],
    ['a field that is only inherited', { action: 'ping', constructor: 1 }, '"constructor"'],
    ['no content', { action: 'send', recipientId: 'b' }, '"content"'],
    ['null content', { action: 'send', recipientId: 'b', content: null }, '"content"'],
    ['empty content', { action: 'send', recipientId: 'b', content: '' }, '"content"'],
    ['a lone surrogate', { action: 'send', recipientId: 'b', content: 'a\ud800' }, 'surrogate'],
    ['no recipient', { action: 'send', content: 'x' }, '"recipientId"'],
    ['two addresses', { action: 'send', content: 'x', recipientId: 'b', conversationId: id }, 'exclude'],
    ['a recipient with a space', { action: 'send', content: 'x', recipientId: 'b c' }, '"recipientId"'],
    ['a long recipient', { action: 'send', content: 'x', recipientId: 'b'.repeat(129) }, '"recipientId"'],
    [
      'an empty clientMessageId',
      { action: 'send', content: 'x', recipientId: 'b', clientMessageId: '' },
      '"clientMessageId"',
    ],
    [
      'a long clientMessageId',
      { action: 'send', content: 'x', recipientId: 'b', clientMessageId: 'c'.repeat(65) },
      '"clientMessageId"',
    ],
    [
      'a clientMessageId beyond ASCII',
      { action: 'send', content: 'x', recipientId: 'b', clientMessageId: 'é' },
      '"clientMessageId"',
    ],
    ['a list of positions', { action: 'reconnect', positions: [1] }, '"positions"'],
    ['a negative position', { action: 'reconnect', positions: { c: -1 } }, '"positions.c"'],
    [
      '501 positions',
      {
        action: 'reconnect',
        positions: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`c${i}`, 0])),
      },
      '501',
    ],
    ['positions without an epoch', { action: 'reconnect', positions: { c: 1 } }, '"epoch"'],
    ['only without positions', { action: 'reconnect', only: true }, '"only"'],
    ['only that is no flag', { action: 'reconnect', positions: {}, only: 1 }, '"only"'],
    ['no positions', { action: 'ack' }, '"positions"'],
    ['an ack of 0', { action: 'ack', positions: { c: 0 } }, '"positions.c"'],
    [
      '101 acks',
      { action: 'ack', positions: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`c${i}`, 1])) },
      '101',
    ],
    ['a read of 0', { action: 'read', conversationId: id, seq: 0 }, '"seq"'],
    ['a read of 1.5', { action: 'read', conversationId: id, seq: 1.5 }, '"seq"'],
    ['a read of a string', { action: 'read', conversationId: id, seq: '1' }, '"seq"'],
    ['before and after', { action: 'history', conversationId: id, before: 2, after: 1 }, 'exclude'],
    ['before 0', { action: 'history', conversationId: id, before: 0 }, '"before"'],
    ['after -1', { action: 'history', conversationId: id, after: -1 }, '"after"'],
    ['limit 0', { action: 'history', conversationId: id, limit: 0 }, '"limit"'],
    ['limit 101', { action: 'conversations', limit: 101 }, '"limit"'],
    ['a cursor that is no string', { action: 'conversations', cursor: 7 }, '"cursor"'],
    ['no userId', { action: 'block' }, '"userId"'],
  ])('%s', ([, frame, named]) => {
    const error = refusal(frame);
    expect(error.code).toBe('bad_request');
    expect(error.message).toContain(named);
    expect(error.remedy).not.toBe('');
  });

  test.for<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a string', '"send"'],
    ['a number', '7'],
    ['a hidden prototype', '{"action":"ping","__proto__":{"a":1}}'],
  ])('%s', ([, body]) => {
    expect(parseRequest(body)).toMatchObject({ error: { code: 'bad_request' } });
  });

  test.for<[string, unknown]>([
    ['content of 16,385 bytes', { action: 'send', recipientId: 'b', content: 'x'.repeat(16_385) }],
    ['content of 31,002 bytes as JSON', { action: 'send', recipientId: 'b', content: '"'.repeat(15_500) }],
    ['a frame of more than 32,768 bytes', { action: 'ping', extra: 'x'.repeat(32_768) }],
  ])('%s is too large', ([, frame]) => {
    expect(refusal(frame).code).toBe('too_large');
  });

  test('a requestId is echoed in the refusal, unless it is what is wrong', () => {
    expect(parse({ action: 'nope', requestId: 'r'.repeat(64) }).requestId).toBe('r'.repeat(64));
    for (const requestId of ['', 'r'.repeat(65), 7, null, 'a\udc00'])
      expect(parse({ action: 'ping', requestId })).not.toHaveProperty('requestId');
    expect(refusal({ action: 'ping', requestId: '' }).message).toContain('"requestId"');
  });
});

describe('anything at all', () => {
  /** Never an exception: a valid request or an error of the protocol. */
  const isAnswered = (body: string) => {
    const parsed = parseRequest(body);
    if ('request' in parsed) return typeof parsed.request.action === 'string';
    return (
      errorCodes.includes(parsed.error.code) && parsed.error.message !== '' && parsed.error.remedy !== ''
    );
  };

  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), isAnswered));
  });

  test('any JSON', () => {
    fc.assert(fc.property(fc.json({ noUnicodeString: false }), isAnswered));
  });

  test('any fields beside a real action', () => {
    const names = ['requestId', 'recipientId', 'conversationId', 'content', 'clientMessageId', 'positions'];
    const more = ['only', 'seq', 'before', 'after', 'limit', 'cursor', 'userId', '__proto__', 'toString'];
    const actions = [
      'send',
      'reconnect',
      'ack',
      'read',
      'history',
      'conversations',
      'block',
      'unblock',
      'ping',
    ];
    const fields = fc.dictionary(
      fc.constantFrom(...names, ...more),
      fc.jsonValue({ noUnicodeString: false }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...actions), fields, (action, given) =>
        isAnswered(JSON.stringify({ ...given, action })),
      ),
      { numRuns: 2_000 },
    );
  });
});
