import { expect, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import { makeScriptedClient, pushOf } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const requests: [string, (client: Client) => Promise<unknown>][] = [
  ['send', (client) => client.send({ recipientId: 'bob', content: 'hi' })],
  ['a wrong send', (client) => client.send({ content: '' })],
  ['read', (client) => client.read('c', 1)],
  ['history', (client) => client.history({ conversationId: 'c' })],
  ['conversations', (client) => client.conversations()],
  ['block', (client) => client.block('bob')],
  ['unblock', (client) => client.unblock('bob')],
];

test.each(requests)('after close %s rejects with closed, and connect sends nothing', async (_, ask) => {
  const { client, connected, clock, gateway } = makeScriptedClient();
  await connected();
  client.close();
  await expect(ask(client)).rejects.toMatchObject({ code: 'closed' });
  client.connect();
  await clock.advance(60_000);
  expect(gateway.waiting()).toBe(0);
  expect(client.state()).toBe('disconnected');
  expect(client.queued()).toEqual([]);
  client.close();
  client.disconnect();
});

test('after close nothing is handed on any more, and no timer is left', async () => {
  const { client, connected, clock, told } = makeScriptedClient();
  let finish = () => {};
  client.on('message', () => new Promise<void>((resolve) => (finish = resolve)));
  const connection = await connected();
  for (const seq of [1, 2, 3]) await connection.push(pushOf(seq));
  client.close();
  finish();
  await flush();
  expect(told.message).toHaveLength(1);
  expect(clock.pending()).toBe(0);
});
