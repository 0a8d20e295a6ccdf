import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ErrorFrame, errorCodes } from '#shared/protocol/errors.ts';
import { limits } from '#shared/protocol/limits.ts';
import type { Message, ServerFrame } from '#shared/protocol/replies.ts';
import { parseRequest } from '#test/support/parse-request.ts';
import { messageValidators, readAsyncApi } from './support/asyncapi.ts';

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

const validators = messageValidators(readAsyncApi());

/** What the document holds against a frame; empty if nothing. */
function complaints(frame: Frame): unknown[] {
  const validate = validators.get(String(frame.action ?? frame.type));
  if (!validate) return ['no such message'];
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
  expect(schemas.epoch).toMatchObject({ maxLength: limits.epochLength });
  expect(messages.error?.payload.properties.code).toMatchObject({ enum: errorCodes });
});

test.each([
  ['when to try again', 'rate_limited', { retryAfterMs: 1 }],
  ['the epoch that is now', 'epoch_changed', { epoch: 'two' }],
])('an error tells %s if and only if it is %s', (_, itsCode, field) => {
  for (const code of errorCodes) {
    const error = { type: 'error', message: 'm', remedy: 'r', code };
    // What the other code must have.
    const others = { rate_limited: { retryAfterMs: 1 }, epoch_changed: { epoch: 'two' } };
    const whole = { ...error, ...(code in others && others[code as keyof typeof others]) };
    const { [Object.keys(field)[0] ?? '']: __, ...without } = { ...whole } as Frame;
    expect(complaints({ ...without, ...field }).length === 0, code).toBe(code === itsCode);
    expect(complaints(without).length === 0, code).toBe(code !== itsCode);
  }
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
  // The one code that must have a retryAfterMs; no other may. Of the epoch it is another code.
  const refusal: Required<Omit<ErrorFrame, 'epoch'>> = {
    ...{ type: 'error', requestId, code: 'rate_limited', message: 'm', remedy: 'r', retryAfterMs: 1 },
  };
  /** Whole frames of each type: a field that the code gains or loses does not compile here. */
  const whole: {
    [Type in ServerFrame['type']]: Type extends 'error'
      ? typeof refusal
      : Required<Extract<ServerFrame, { type: Type }>>;
  } = {
    'message.sent': { type: 'message.sent', requestId, messageId, message, duplicate: true },
    'reconnect.page': { type: 'reconnect.page', requestId, messages: [message] },
    'reconnect.done': {
      type: 'reconnect.done',
      requestId,
      conversations: [position],
      more: true,
      epoch: 'one',
    },
    ok: { type: 'ok', requestId },
    'history.page': { type: 'history.page', requestId, conversationId, messages: [message], more: false },
    'conversations.page': { type: 'conversations.page', requestId, conversations: [summary], cursor: 'next' },
    pong: { type: 'pong', requestId },
    'message.new': { type: 'message.new', messageId, message },
    receipt: { type: 'receipt', conversationId, userId: 'bob', deliveredSeq: 1, readSeq: 0 },
    error: refusal,
  };
  const optional: Record<string, readonly string[]> = {
    'message.sent': ['duplicate'],
    'conversations.page': ['cursor'],
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
