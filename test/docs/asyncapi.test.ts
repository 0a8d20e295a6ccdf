import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { errorCodes } from '#shared/protocol/errors.ts';
import { limits } from '#shared/protocol/limits.ts';
import type { Message, ServerFrame } from '#shared/protocol/replies.ts';
import { type Action, parseRequest } from '#shared/protocol/requests.ts';

type Frame = Record<string, unknown>;
interface DocumentedMessage {
  readonly payload: { readonly properties: Record<string, { readonly const?: string }> };
  readonly examples: readonly { readonly payload: Frame }[];
}
interface AsyncApiDocument {
  readonly channels: { readonly connection: { readonly messages: Record<string, unknown> } };
  readonly operations: Record<string, { readonly action: string }>;
  readonly components: {
    readonly messages: Record<string, DocumentedMessage>;
    readonly schemas: Record<string, Record<string, unknown>>;
  };
}

const path = fileURLToPath(new URL('../../docs/asyncapi.yaml', import.meta.url));
const document: AsyncApiDocument = parse(readFileSync(path, 'utf8'));
const { messages, schemas } = document.components;
const specification: object = createRequire(import.meta.url)(
  '@asyncapi/specs/schemas/3.0.0-without-$id.json',
);
const formats = ['uri-template', 'uri', 'uri-reference', 'email', 'regex', 'idn-email'];

/** Judges frames by the document. AsyncAPI's own schemas are JSON Schema draft-07, as are Ajv's. */
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'document', ...document });
const validators = new Map(
  Object.keys(messages).map((name) => [
    name,
    ajv.compile({ $ref: `document#/components/messages/${name}/payload` }),
  ]),
);

function validatorOf(name: string): ValidateFunction {
  const validator = validators.get(name);
  if (!validator) throw new Error(`the document has no message ${name}`);
  return validator;
}

/** What the document holds against a frame; empty if nothing. */
function complaints(frame: Frame): unknown[] {
  const validate = validatorOf(String(frame.action ?? frame.type));
  return validate(frame) ? [] : (validate.errors ?? []);
}

test('it is an AsyncAPI 3 document', () => {
  const judge = new Ajv({ strict: false, formats: Object.fromEntries(formats.map((name) => [name, true])) });
  const validate = judge.compile(specification);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
});

test('every message is on the channel, belongs to an operation, and is named by its own discriminator', () => {
  expect(Object.keys(document.channels.connection.messages)).toEqual(Object.keys(messages));
  const used = JSON.stringify(document.operations);
  for (const [name, { payload }] of Object.entries(messages)) {
    expect(used).toContain(`"#/channels/connection/messages/${name}"`);
    expect((payload.properties.action ?? payload.properties.type)?.const).toBe(name);
  }
});

test('every example is valid, and the server takes those that are requests', () => {
  for (const { examples } of Object.values(messages)) {
    expect(examples).not.toEqual([]);
    for (const { payload } of examples) {
      expect(complaints(payload)).toEqual([]);
      if ('action' in payload) expect(parseRequest(JSON.stringify(payload))).toHaveProperty('request');
    }
  }
});

test('the numbers are those of the code', () => {
  expect(schemas.content).toMatchObject({ maxLength: limits.contentBytes });
  expect(schemas.requestId).toMatchObject({ maxLength: limits.requestIdLength });
  expect(schemas.clientMessageId?.pattern).toContain(`{1,${limits.clientMessageIdLength}}`);
  expect(schemas.userId?.pattern).toContain(`{1,${limits.userIdLength}}`);
  expect(schemas.limit).toMatchObject({ maximum: limits.historyLimit, default: limits.historyDefault });
  expect([limits.conversationsLimit, limits.conversationsDefault]).toEqual([
    limits.historyLimit,
    limits.historyDefault,
  ]);
  const positionsOf = (name: string) => messages[name]?.payload.properties.positions;
  expect(positionsOf('reconnect')).toMatchObject({ maxProperties: limits.reconnectPositions });
  expect(positionsOf('ack')).toMatchObject({ maxProperties: limits.ackPositions });
  expect(messages.error?.payload.properties.code).toMatchObject({ enum: errorCodes });
});

describe('requests', () => {
  const id = fc.string({ minLength: 1, maxLength: 20 });
  const seq = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.maxSafeNat());
  const userId = fc.stringMatching(/^[A-Za-z0-9._:@|-]{1,128}$/);
  const limit = fc.integer({ min: 1, max: 100 });
  const optional = { requestId: fc.string({ minLength: 1, maxLength: 64 }) };
  const request = <Fields extends object>(action: Action, fields: Fields) =>
    fc.record(
      { action: fc.constant(action), ...fields, ...optional } as Record<string, fc.Arbitrary<unknown>>,
      {
        requiredKeys: ['action'],
      },
    );
  /** Fields that may be there, or not, or be of any kind: right and wrong ones in every mixture. */
  const frames: Record<Action, fc.Arbitrary<Frame>> = {
    send: request('send', {
      recipientId: userId,
      conversationId: id,
      content: fc.string({ minLength: 1 }),
      clientMessageId: fc.stringMatching(/^[ -~]{1,64}$/),
    }),
    reconnect: request('reconnect', { positions: fc.dictionary(id, fc.nat()), only: fc.boolean() }),
    ack: request('ack', { positions: fc.dictionary(id, seq) }),
    read: request('read', { conversationId: id, seq }),
    history: request('history', { conversationId: id, before: seq, after: fc.nat(), limit }),
    conversations: request('conversations', { cursor: id, limit }),
    block: request('block', { userId }),
    unblock: request('unblock', { userId }),
    ping: request('ping', {}),
  };
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      '',
      0,
      -1,
      1.5,
      101,
      'x'.repeat(65),
      'x'.repeat(129),
      'ä b',
      [],
      {},
      { c: -1 },
      { c: 0 },
      { c: 'x' },
      { '': 1 },
    ),
    fc.jsonValue(),
  );

  test.each(Object.keys(frames) as Action[])(
    '%s: the document takes what the server takes, and nothing else',
    (action) => {
      const known = Object.keys(messages[action]?.payload.properties ?? {}).filter(
        (name) => name !== 'action',
      );
      const changed = fc.tuple(
        frames[action],
        fc.option(fc.tuple(fc.constantFrom(...known, 'unknown', 'constructor'), odd)),
      );
      let accepted = 0;
      let refused = 0;
      fc.assert(
        fc.property(changed, ([frame, change]) => {
          const tried: Frame = { ...frame, ...(change && { [change[0]]: change[1] }) };
          const isTaken = 'request' in parseRequest(JSON.stringify(tried));
          if (isTaken) accepted += 1;
          else refused += 1;
          expect(complaints(JSON.parse(JSON.stringify(tried))).length === 0, JSON.stringify(tried)).toBe(
            isTaken,
          );
        }),
        { numRuns: 500 },
      );
      expect(accepted).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
    },
  );

  test('too many positions are refused by both', () => {
    for (const [action, most] of [
      ['reconnect', limits.reconnectPositions],
      ['ack', limits.ackPositions],
    ] as const)
      for (const count of [most, most + 1]) {
        const positions = Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 1]));
        const frame = { action, positions };
        expect('request' in parseRequest(JSON.stringify(frame))).toBe(count === most);
        expect(complaints(frame).length === 0).toBe(count === most);
      }
  });
});

describe('what the server sends', () => {
  const requestId = '1';
  const messageId = '019a1f2e-7b51-7c3a-9d0e-5b1f0c2d3e4f';
  const conversationId = 'c';
  const message: Required<Message> = {
    messageId,
    conversationId,
    seq: 1,
    senderId: 'alice',
    recipientId: 'bob',
    content: 'hello',
    sentAt: '2026-02-09T18:11:43.020Z',
    clientMessageId: 'id',
  };
  const position = { conversationId, lastSeq: 1, deliveredSeq: 0, readSeq: 0 };
  const summary = { ...position, members: ['alice', 'bob'], unread: 1, lastMessageAt: message.sentAt };
  /** Whole frames of each type: a field that the code gains or loses does not compile here. */
  const whole: { [Type in ServerFrame['type']]: Required<Extract<ServerFrame, { type: Type }>> } = {
    'message.sent': { type: 'message.sent', requestId, messageId, message, duplicate: true },
    'reconnect.page': { type: 'reconnect.page', requestId, messages: [message] },
    'reconnect.done': { type: 'reconnect.done', requestId, conversations: [position], more: true },
    ok: { type: 'ok', requestId },
    'history.page': { type: 'history.page', requestId, conversationId, messages: [message], more: false },
    'conversations.page': { type: 'conversations.page', requestId, conversations: [summary], cursor: 'next' },
    pong: { type: 'pong', requestId },
    'message.new': { type: 'message.new', messageId, message },
    receipt: { type: 'receipt', conversationId, userId: 'bob', deliveredSeq: 1, readSeq: 0 },
    error: { type: 'error', requestId, code: 'rate_limited', message: 'm', remedy: 'r', retryAfterMs: 1 },
  };
  const optional: Record<string, readonly string[]> = {
    'message.sent': ['duplicate'],
    'conversations.page': ['cursor'],
    error: ['retryAfterMs'],
  };

  test('the document knows the same types', () => {
    const documented = Object.entries(messages).flatMap(([name, { payload }]) =>
      'type' in payload.properties ? [name] : [],
    );
    expect(documented.sort()).toEqual(Object.keys(whole).sort());
  });

  test.each(Object.entries(whole))(
    '%s: every field is known, none more is allowed, and only some may be absent',
    (type, frame) => {
      expect(complaints(frame)).toEqual([]);
      expect(complaints({ ...frame, another: 1 })).not.toEqual([]);
      for (const name of Object.keys(frame).filter((key) => key !== 'type')) {
        const { [name]: _, ...rest } = { ...frame } as Frame;
        const mayBeAbsent = name === 'requestId' || (optional[type] ?? []).includes(name);
        expect(complaints(rest).length === 0, `${type} without ${name}`).toBe(mayBeAbsent);
      }
    },
  );

  test('a message may lack its clientMessageId and nothing that its members know', () => {
    for (const name of Object.keys(message)) {
      const { [name]: _, ...rest } = { ...message } as Frame;
      const isValid = complaints({ ...whole['message.new'], message: rest }).length === 0;
      expect(isValid, name).toBe(name === 'clientMessageId' || name === 'recipientId');
    }
  });
});
