import { expect } from 'vitest';
import { sendTo } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import { FRAME_BYTES } from './support/inbox.ts';
import { asRefusal, expectReply } from './support/shapes.ts';

const { test, live } = contract('frames');

async function stillOpen(client: Client) {
  expectReply(await client.request({ action: 'ping' }), 'pong');
}

/** Text of exactly `bytes` bytes that is a ping: JSON allows white space around it. */
function pingOf(bytes: number, requestId: string): string {
  return JSON.stringify({ action: 'ping', requestId }).padEnd(bytes, ' ');
}

/** One request of every action that the server answers with success, for a member of a conversation. */
async function requestsOf(client: Client, peer: string) {
  const { conversationId } = await sendTo(client, peer);
  return [
    { request: { action: 'send', conversationId, content: 'again' }, type: 'message.sent' },
    { request: { action: 'reconnect' }, type: 'reconnect.done' },
    { request: { action: 'ack', positions: { [conversationId]: 1 } }, type: 'ok' },
    { request: { action: 'read', conversationId, seq: 1 }, type: 'ok' },
    { request: { action: 'history', conversationId }, type: 'history.page' },
    { request: { action: 'conversations' }, type: 'conversations.page' },
    { request: { action: 'block', userId: peer }, type: 'ok' },
    { request: { action: 'unblock', userId: peer }, type: 'ok' },
    { request: { action: 'ping' }, type: 'pong' },
  ];
}

test('a binary frame closes with 1003', async () => {
  const client = await live(newUser());
  client.sendBinary(Buffer.from('{"action":"ping"}'));
  expect((await client.closing()).code).toBe(1003);
  expect(client.pushes('pong')).toEqual([]);
});

test('every reply carries the requestId of its request', async () => {
  const client = await live(newUser());
  for (const { request, type } of await requestsOf(client, newUser('peer'))) {
    const requestId = `id of ${request.action}`;
    const reply = await client.request({ ...request, requestId });
    expect([reply.type, reply.requestId]).toEqual([type, requestId]);
  }
});

test('a request without a requestId gets a reply without one', async () => {
  const client = await live(newUser());
  for (const { request, type } of await requestsOf(client, newUser('peer'))) {
    if (type === 'reconnect.done') {
      continue;
    }
    const reply = await client.exchange(JSON.stringify(request));
    expect(reply.type).toBe(type);
    expect(reply).not.toHaveProperty('requestId');
  }
});

test('a reconnect without a requestId gets pages and done without one', async () => {
  const client = await live(newUser());
  await sendTo(client, newUser('peer'));
  const from = client.received.length;
  client.sendText('{"action":"reconnect"}');
  await client.waitFor(({ type }) => type === 'reconnect.done', 'reconnect.done', from);
  const frames = client.received.slice(from);
  expect(frames.map(({ type }) => type)).toEqual(['reconnect.page', 'reconnect.done']);
  for (const frame of frames) {
    expect(frame).not.toHaveProperty('requestId');
  }
});

test('a requestId of 1 to 64 characters is given back as it is', async () => {
  const client = await live(newUser());
  for (const requestId of ['x', 'x'.repeat(64), 'é'.repeat(64), '\u0001"\\ \n', '0', '__proto__']) {
    expect((await client.request({ action: 'ping', requestId })).requestId).toBe(requestId);
  }
});

test('a wrong requestId gets bad_request without it', async () => {
  const client = await live(newUser());
  const wrong = ['', 'x'.repeat(65), 1, 0, true, null, {}, [], ['x'], { id: 'x' }];
  for (const requestId of wrong) {
    const reply = await client.exchange(JSON.stringify({ action: 'ping', requestId }));
    expect(asRefusal(reply, 'bad_request', { requestId: false }).message).toContain('requestId');
  }
});

test('what is no JSON gets bad_request', async () => {
  const client = await live(newUser());
  for (const text of [
    'hello',
    '{',
    '{"action":"ping"',
    "{'action':'ping'}",
    '{"action":"ping"}}',
    '',
    ' ',
    'NaN',
  ]) {
    asRefusal(await client.exchange(text), 'bad_request', { requestId: false });
  }
  await stillOpen(client);
});

test('what is no object gets bad_request', async () => {
  const client = await live(newUser());
  for (const text of ['[]', '[{"action":"ping"}]', '"ping"', '1', 'null', 'true', 'false']) {
    asRefusal(await client.exchange(text), 'bad_request', { requestId: false });
  }
  await stillOpen(client);
});

test('an unknown, missing or ill-typed action gets bad_request with its requestId', async () => {
  const client = await live(newUser());
  for (const action of [
    'fly',
    '',
    'Ping',
    ' ping',
    'constructor',
    '__proto__',
    'toString',
    '$default',
    '$connect',
  ]) {
    asRefusal(await client.request({ action }), 'bad_request');
  }
  for (const action of [1, null, true, [], ['ping'], {}]) {
    expect(asRefusal(await client.request({ action }), 'bad_request').message).toContain('action');
  }
  expect(asRefusal(await client.request({}), 'bad_request').message).toContain('action');
  await stillOpen(client);
});

test('an unknown field is refused by name, in every action', async () => {
  const client = await live(newUser());
  for (const { request } of await requestsOf(client, newUser('peer'))) {
    for (const name of ['colour', 'Content', 'request_id', 'type', 'userid']) {
      const reply = await client.request({ ...request, [name]: 'x' });
      expect(asRefusal(reply, 'bad_request').message, request.action).toContain(name);
    }
  }
});

test('fields that every object inherits are unknown as well', async () => {
  const client = await live(newUser());
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const reply = await client.exchange(`{"action":"ping","requestId":"x","${name}":{"action":"ping"}}`);
    expect(asRefusal(reply, 'bad_request').message).toContain(name);
  }
});

test('a frame of 32,768 bytes is answered', async () => {
  const client = await live(newUser());
  const reply = await client.exchange(pingOf(FRAME_BYTES, 'full'));
  expect(reply).toEqual({ type: 'pong', requestId: 'full' });
});

test('a frame of 32,769 bytes closes with 1009', async () => {
  const client = await live(newUser());
  client.sendText(pingOf(FRAME_BYTES + 1, 'over'));
  expect((await client.closing()).code).toBe(1009);
  expect(client.pushes('pong')).toEqual([]);
});

test('a frame is measured in bytes, not in characters', async () => {
  const client = await live(newUser());
  client.sendText(JSON.stringify({ action: 'ping', requestId: 'é'.repeat(20_000) }));
  expect((await client.closing()).code).toBe(1009);
});

test('a message in fragments is one request', async () => {
  const client = await live(newUser());
  client.sendFragments(['{"action":', '"ping",', '"requestId":"parts"', '}']);
  await client.waitFor(({ type, requestId }) => type === 'pong' && requestId === 'parts', 'pong');
});

test('a fragmented message above 32,768 bytes gets too_large or 1009', async () => {
  for (const count of [3, 12]) {
    const client = await live(newUser());
    const from = client.received.length;
    client.sendFragments([
      '{"action":"ping"',
      ...Array.from({ length: count }, () => ' '.repeat(16_000)),
      '}',
    ]);
    const refusal = client
      .waitFor(({ code }) => code === 'too_large', 'too_large', from)
      .then(
        () => 'too_large',
        () => undefined,
      );
    const outcome = await Promise.race([
      refusal,
      client.closing().then(
        ({ code }) => code,
        () => undefined,
      ),
    ]);
    expect(['too_large', 1009]).toContain(outcome);
    expect(client.pushes('pong')).toEqual([]);
  }
});

test('a lone surrogate gets bad_request, in whichever field it stands', async () => {
  const client = await live(newUser());
  const recipientId = newUser('peer');
  for (const lone of ['\\ud800', '\\udfff', 'a\\ud83d', '\\ude00\\ud83d', '\\ud83d\\ud83d\\ude00']) {
    const fields = [
      `"action":"send","recipientId":"${recipientId}","content":"${lone}"`,
      `"action":"send","recipientId":"${lone}","content":"x"`,
      `"action":"send","conversationId":"${lone}","content":"x"`,
      `"action":"send","recipientId":"${recipientId}","content":"x","clientMessageId":"${lone}"`,
      `"action":"history","conversationId":"${lone}"`,
      `"action":"read","conversationId":"${lone}","seq":1`,
      `"action":"ack","positions":{"${lone}":1}`,
      `"action":"reconnect","positions":{"${lone}":1}`,
      `"action":"block","userId":"${lone}"`,
    ];
    for (const field of fields) {
      asRefusal(await client.exchange(`{"requestId":"x",${field}}`), 'bad_request');
    }
    asRefusal(await client.exchange(`{"action":"ping","requestId":"${lone}"}`), 'bad_request', {
      requestId: false,
    });
  }
  await stillOpen(client);
});

test('a surrogate pair written as two escapes is a character like any other', async () => {
  const client = await live(newUser());
  const text = `{"action":"send","requestId":"x","recipientId":"${newUser()}","content":"\\ud83d\\ude00"}`;
  expect(await client.exchange(text)).toMatchObject({ type: 'message.sent', message: { content: '😀' } });
});

test('frames of one connection are answered each, many at once', async () => {
  const client = await live(newUser());
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) => client.request({ action: 'ping', requestId: `n${index}` })),
  );
  expect(replies.map(({ requestId }) => requestId)).toEqual(replies.map((_, index) => `n${index}`));
});
