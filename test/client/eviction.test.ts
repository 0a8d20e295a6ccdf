import { expect, test } from 'vitest';
import { error, makeScriptedClient } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const hourMs = 60 * 60_000;

test('whose connection was closed for newer ones stays away until connect', async () => {
  const { client, clock, connected, gateway, told, admit } = makeScriptedClient();
  const first = await connected();
  void client.send({ recipientId: 'bob', content: 'hi' });
  await flush();
  await first.push(error('too_many_connections'));
  await first.cut(1006);
  expect(told.state.at(-1)).toMatchObject({ state: 'disconnected', reason: 'too_many_connections' });
  expect(told.error).toMatchObject([
    { code: 'too_many_connections', remedy: expect.stringContaining('connect()') },
  ]);
  await clock.advance(hourMs);
  expect(gateway.waiting()).toBe(0);
  expect(client.queued()).toHaveLength(1);

  client.connect();
  await flush();
  const second = await admit();
  expect(second.take('send')).toMatchObject({ content: 'hi' });
});

test('what its own new connection has pushed out does not stop it', async () => {
  const { client, clock, connected, gateway, told, admit } = makeScriptedClient({ connectionLifeMs: 10_000 });
  const first = await connected();
  await clock.advance(10_000);
  expect(gateway.waiting()).toBe(1);
  await first.push(error('too_many_connections'));
  await admit();
  expect(client.state()).toBe('connected');
  expect(told.error).toEqual([]);
});

test('between two attempts to replace it, it stays away as well', async () => {
  const { client, clock, connected, gateway } = makeScriptedClient({ connectionLifeMs: 10_000 });
  const first = await connected();
  await clock.advance(10_000);
  await gateway.next().cut();
  await first.push(error('too_many_connections'));
  await clock.advance(hourMs);
  expect(gateway.waiting()).toBe(0);
  expect(client.state()).toBe('disconnected');
});
