import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import { byteLength, hasLoneSurrogate } from '../../client/frame.ts';
import { makeScriptedClient } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const long = 'x'.repeat(40_000);
const requests: [string, (client: Client) => Promise<unknown>][] = [
  ['send, recipientId', (client) => client.send({ recipientId: long, content: 'hi' })],
  ['send, conversationId', (client) => client.send({ conversationId: long, content: 'hi' })],
  [
    'send, id and content together',
    (client) => client.send({ recipientId: 'x'.repeat(17_000), content: 'y'.repeat(16_000) }),
  ],
  ['read', (client) => client.read(long, 1)],
  ['history', (client) => client.history({ conversationId: long })],
  ['conversations', (client) => client.conversations({ cursor: long })],
  ['block', (client) => client.block(long)],
  ['unblock', (client) => client.unblock('ä'.repeat(16_400))],
];

test.each(requests)('a frame that can never arrive is refused before it is sent: %s', async (_, ask) => {
  for (const isConnected of [false, true]) {
    const { client, connected, gateway, clock } = makeScriptedClient();
    const connection = isConnected ? await connected() : undefined;
    await expect(ask(client)).rejects.toMatchObject({ name: 'PostriderError', code: 'too_large' });
    expect(client.queued()).toEqual([]);
    await clock.advance(60_000);
    expect(connection?.actions() ?? []).toEqual([]);
    expect(gateway.waiting()).toBe(0);
  }
});

test('a frame that JSON cannot say is refused by name', async () => {
  const { client } = makeScriptedClient();
  const asked = client.history({ conversationId: 'c', before: 1n as never });
  await expect(asked).rejects.toMatchObject({ name: 'PostriderError', code: 'bad_request' });
});

test('a stored send that can never arrive fails, and the next one goes', async () => {
  const { connected, told, gateway } = makeScriptedClient({
    storage: {
      all: () => [
        { clientMessageId: 'long', recipientId: long, content: 'hi', queuedAt: 1 },
        { clientMessageId: 'odd', recipientId: 'bob', content: 7, queuedAt: 2 } as never,
        null as never,
        { clientMessageId: 'next', recipientId: 'bob', content: 'hi', queuedAt: 3 },
      ],
      put() {},
      remove() {},
    },
  });
  const connection = await connected();
  await flush();
  expect(told.failed).toMatchObject([{ send: { clientMessageId: 'long' }, error: { code: 'too_large' } }]);
  expect(connection.take('send')).toMatchObject({ clientMessageId: 'next' });
  expect(connection.isClosed()).toBe(false);
  expect(gateway.waiting()).toBe(0);
});

test('positions whose frame would be too large go by the list of conversations', async () => {
  const positions = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`${index}`.padStart(200, 'x'), 1]),
  );
  const { client, gateway } = makeScriptedClient({ positions });
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  await connection.reply(connection.take('reconnect'), {
    type: 'reconnect.done',
    conversations: [],
    more: false,
  });
  const rows = Object.keys(positions).map((conversationId) => ({
    conversationId,
    lastSeq: 2,
    deliveredSeq: 1,
  }));
  await connection.reply(connection.take('conversations'), {
    type: 'conversations.page',
    conversations: rows,
  });
  const asked = new Set<string>();
  while (connection.actions().includes('reconnect')) {
    const request = connection.take('reconnect');
    expect(Buffer.byteLength(JSON.stringify(request))).toBeLessThanOrEqual(32_768);
    for (const id of Object.keys(request.positions as object)) asked.add(id);
    await connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  }
  expect(asked.size).toBe(400);
});

test('a socket that refuses to send is a connection that ended: the message goes over the next one', async () => {
  const { client, connected, gateway, clock } = makeScriptedClient();
  const connection = await connected();
  connection.refuseToSend();
  void client.send({ recipientId: 'bob', content: 'hi' });
  await clock.advance(500);
  expect(client.queued()).toHaveLength(1);
  expect(gateway.waiting()).toBe(1);
});

test('bytes are counted, and lone surrogates found, as the platform does', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.array(fc.integer({ min: 0, max: 0xffff })),
      (text, units) => {
        expect(byteLength(text)).toBe(Buffer.byteLength(text));
        const any = String.fromCharCode(...units);
        expect(hasLoneSurrogate(any)).toBe(!any.isWellFormed());
        expect(hasLoneSurrogate(text)).toBe(false);
      },
    ),
  );
  for (const text of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud800\ud800\udc00'])
    expect(hasLoneSurrogate(text)).toBe(true);
});
