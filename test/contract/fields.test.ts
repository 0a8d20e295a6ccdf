import { expect } from 'vitest';
import { sendTo } from './support/calls.ts';
import { contract, newUser } from './support/contract.ts';
import type { Frame } from './support/inbox.ts';
import { asRefusal, expectReply } from './support/shapes.ts';

const { test, live } = contract('fields');

const NOT_STRINGS = [1, 0, true, null, [], ['x'], {}];
const NOT_INTEGERS = ['1', '', 1.5, -1, true, null, [], [1], {}];
const NOT_POSITIVE = [...NOT_INTEGERS, 0];
const NOT_USER_IDS = [...NOT_STRINGS, '', 'a b', 'a/b', 'ä', 'a#b', 'a\n', ' a', 'x'.repeat(129), 'a,b', '*'];
const NOT_CLIENT_IDS = [...NOT_STRINGS, '', 'x'.repeat(65), '\u007f', '\u001f', 'é', 'a\nb', '😀'];
const NOT_LIMITS = [...NOT_POSITIVE, 101, 1e9];
const NOT_POSITIONS = [...[1, 0, true, null, 'x', ''], [], [1]];

interface IllTyped {
  readonly field: string;
  readonly values: readonly unknown[];
  /** The rest of the request, for a conversation of the caller with one message in it. */
  readonly request: (conversationId: string, peer: string) => Frame;
}

const ILL_TYPED: readonly IllTyped[] = [
  {
    field: 'recipientId',
    values: NOT_USER_IDS,
    request: () => ({ action: 'send', content: 'x' }),
  },
  {
    field: 'conversationId',
    values: NOT_STRINGS,
    request: () => ({ action: 'send', content: 'x' }),
  },
  {
    field: 'content',
    values: [...NOT_STRINGS, ''],
    request: (_, recipientId) => ({ action: 'send', recipientId }),
  },
  {
    field: 'clientMessageId',
    values: NOT_CLIENT_IDS,
    request: (_, recipientId) => ({ action: 'send', recipientId, content: 'x' }),
  },
  { field: 'positions', values: NOT_POSITIONS, request: () => ({ action: 'ack' }) },
  { field: 'positions', values: NOT_POSITIONS, request: () => ({ action: 'reconnect' }) },
  {
    field: 'only',
    values: [1, 0, 'true', '', null, [], {}],
    request: () => ({ action: 'reconnect', positions: {} }),
  },
  {
    field: 'epoch',
    values: [...NOT_STRINGS, 'e'.repeat(257)],
    request: () => ({ action: 'reconnect' }),
  },
  {
    field: 'seq',
    values: NOT_POSITIVE,
    request: (conversationId) => ({ action: 'read', conversationId }),
  },
  {
    field: 'conversationId',
    values: NOT_STRINGS,
    request: () => ({ action: 'read', seq: 1 }),
  },
  { field: 'conversationId', values: NOT_STRINGS, request: () => ({ action: 'history' }) },
  {
    field: 'before',
    values: NOT_POSITIVE,
    request: (conversationId) => ({ action: 'history', conversationId }),
  },
  {
    field: 'after',
    values: NOT_INTEGERS,
    request: (conversationId) => ({ action: 'history', conversationId }),
  },
  {
    field: 'limit',
    values: NOT_LIMITS,
    request: (conversationId) => ({ action: 'history', conversationId }),
  },
  { field: 'limit', values: NOT_LIMITS, request: () => ({ action: 'conversations' }) },
  { field: 'cursor', values: NOT_STRINGS, request: () => ({ action: 'conversations' }) },
  { field: 'userId', values: NOT_USER_IDS, request: () => ({ action: 'block' }) },
  { field: 'userId', values: NOT_USER_IDS, request: () => ({ action: 'unblock' }) },
];

const MISSING: readonly { action: string; fields: Frame; names: RegExp }[] = [
  { action: 'send', fields: { content: 'x' }, names: /recipientId|conversationId/ },
  { action: 'send', fields: { recipientId: 'someone' }, names: /content/ },
  { action: 'send', fields: {}, names: /content|recipientId|conversationId/ },
  { action: 'ack', fields: {}, names: /positions/ },
  { action: 'read', fields: { seq: 1 }, names: /conversationId/ },
  { action: 'read', fields: { conversationId: 'x' }, names: /seq/ },
  { action: 'history', fields: {}, names: /conversationId/ },
  { action: 'history', fields: { limit: 5 }, names: /conversationId/ },
  { action: 'block', fields: {}, names: /userId/ },
  { action: 'unblock', fields: {}, names: /userId/ },
];

async function member() {
  const peer = newUser('peer');
  const client = await live(newUser());
  const { conversationId } = await sendTo(client, peer);
  return { client, peer, conversationId };
}

for (const { field, values, request } of ILL_TYPED) {
  const action = String(request('', '').action);
  test(`an ill-typed ${field} of ${action} gets bad_request and is named`, async () => {
    const { client, peer, conversationId } = await member();
    for (const value of values) {
      const reply = await client.request({ ...request(conversationId, peer), [field]: value });
      const shown = `${field}: ${JSON.stringify(value).slice(0, 40)}`;
      expect([shown, reply.code]).toEqual([shown, 'bad_request']);
      expect(asRefusal(reply, 'bad_request').message, shown).toContain(field);
    }
    expectReply(await client.request({ action: 'ping' }), 'pong');
  });
}

for (const { action, fields, names } of MISSING) {
  test(`${action} with nothing but ${Object.keys(fields).join() || 'its action'} gets bad_request that names what is missing`, async () => {
    const client = await live(newUser());
    expect(asRefusal(await client.request({ action, ...fields }), 'bad_request').message).toMatch(names);
  });
}

test('a position of ack is an integer of at least 1', async () => {
  const { client, conversationId } = await member();
  for (const position of NOT_POSITIVE) {
    const reply = await client.request({ action: 'ack', positions: { [conversationId]: position } });
    expect(asRefusal(reply, 'bad_request').message, JSON.stringify(position)).toContain('positions');
  }
});

test('a position of reconnect is an integer of at least 0', async () => {
  const { client, conversationId } = await member();
  for (const position of NOT_INTEGERS) {
    const reply = await client.request({ action: 'reconnect', positions: { [conversationId]: position } });
    expect(asRefusal(reply, 'bad_request').message, JSON.stringify(position)).toContain('positions');
  }
  const zero = await client.request({ action: 'reconnect', positions: { [conversationId]: 0 } });
  expect(zero.type).toBe('reconnect.done');
});

test('a number too large for JSON readers is no integer', async () => {
  const { client, conversationId } = await member();
  const requests = [
    `"action":"read","conversationId":"${conversationId}","seq":1e999`,
    `"action":"history","conversationId":"${conversationId}","after":1e999`,
    `"action":"ack","positions":{"${conversationId}":1e999}`,
    `"action":"reconnect","positions":{"${conversationId}":-1e999}`,
  ];
  for (const fields of requests) {
    asRefusal(await client.exchange(`{"requestId":"x",${fields}}`), 'bad_request');
  }
});

test('an integer written with a fraction of zero is an integer', async () => {
  const { client, conversationId } = await member();
  const text = `{"action":"read","requestId":"x","conversationId":"${conversationId}","seq":1.0}`;
  expect(await client.exchange(text)).toEqual({ type: 'ok', requestId: 'x' });
});

test('recipientId together with conversationId gets bad_request', async () => {
  const { client, peer, conversationId } = await member();
  const reply = await client.request({ action: 'send', recipientId: peer, conversationId, content: 'x' });
  asRefusal(reply, 'bad_request');
});

test('a send to oneself gets bad_request', async () => {
  const user = newUser();
  const client = await live(user);
  asRefusal(await client.request({ action: 'send', recipientId: user, content: 'x' }), 'bad_request');
  expect(await client.request({ action: 'conversations' })).toMatchObject({ conversations: [] });
});

test('only without positions gets bad_request', async () => {
  const client = await live(newUser());
  for (const only of [true, false]) {
    asRefusal(await client.request({ action: 'reconnect', only }), 'bad_request');
  }
});

test('before together with after gets bad_request', async () => {
  const { client, conversationId } = await member();
  const reply = await client.request({ action: 'history', conversationId, before: 2, after: 0 });
  asRefusal(reply, 'bad_request');
});

test('reconnect takes 500 positions and refuses 501', async () => {
  const client = await live(newUser());
  const positions = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`unknown-conversation-${index}`, index]));
  expect((await client.request({ action: 'reconnect', positions: positions(500) })).type).toBe(
    'reconnect.done',
  );
  const refusal = asRefusal(
    await client.request({ action: 'reconnect', positions: positions(501) }),
    'bad_request',
  );
  expect(refusal.message).toContain('positions');
});

test('ack refuses 101 positions, whatever they name', async () => {
  const { client, conversationId } = await member();
  const others = Array.from({ length: 100 }, (_, index) => [`unknown-conversation-${index}`, 1]);
  const positions = { [conversationId]: 1, ...Object.fromEntries(others) };
  expect(asRefusal(await client.request({ action: 'ack', positions }), 'bad_request').message).toContain(
    'positions',
  );
  expect(await client.request({ action: 'conversations' })).toMatchObject({
    conversations: [{ deliveredSeq: 0 }],
  });
});

test('a requestId that is right is given back with a bad_request about another field', async () => {
  const client = await live(newUser());
  const reply = await client.request({ action: 'send', requestId: 'mine', content: 1 });
  expect(asRefusal(reply, 'bad_request')).toMatchObject({ requestId: 'mine' });
});
