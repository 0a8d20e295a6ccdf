import { expect, test } from 'vitest';
import type { QueuedSend } from '../../client/outbox-storage.ts';
import { answerCatchUp, makeScriptedClient, message, pushOf, sent } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const never = () => new Promise<never>(() => {});
const names = (messages: readonly { conversationId: string; seq: number }[]) =>
  messages.map(({ conversationId, seq }) => `${conversationId}${seq}`);

test('a listener that never ends keeps the client neither from connecting nor from other conversations', async () => {
  const { client, clock, gateway, told } = makeScriptedClient();
  client.on('message', ({ conversationId }) => (conversationId === 'c' ? never() : undefined));
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  await answerCatchUp(connection, [[message(1), message(2)], [message(1, { conversationId: 'd' })]], true);
  expect(names(told.message)).toEqual(['c1', 'd1']);
  await clock.advance(5_000);

  // There is more, of which the conversation that is held up would fill every page.
  const again = await answerCatchUp(connection, [[message(2, { conversationId: 'd' })]]);
  expect(again.positions).toEqual({ c: Number.MAX_SAFE_INTEGER, d: 1 });
  expect(client.state()).toBe('connected');
  expect(names(told.message)).toEqual(['c1', 'd1', 'd2']);
  expect(client.positions()).toEqual({ c: 0, d: 2 });
  expect(connection.answered().at(-1)).toMatchObject({ action: 'ack', positions: { d: 2 } });
});

test('after a minute that is told, and its conversation goes on; nothing above it is acknowledged', async () => {
  const { client, clock, connected, told } = makeScriptedClient();
  let finish = () => {};
  client.on('message', ({ seq }) =>
    seq === 1 ? new Promise<void>((resolve) => (finish = resolve)) : undefined,
  );
  const connection = await connected();
  for (const seq of [1, 2, 3]) await connection.push(pushOf(seq));
  await clock.advance(59_999);
  expect(names(told.message)).toEqual(['c1']);
  expect(told.error).toEqual([]);
  await clock.advance(1);
  expect(told.error).toMatchObject([{ code: 'handler_failed' }]);
  expect(names(told.message)).toEqual(['c1', 'c2', 'c3']);
  await clock.advance(1_000);
  expect(client.positions()).toEqual({ c: 0 });
  expect(connection.answered().filter(({ action }) => action === 'ack')).toEqual([]);

  finish();
  await clock.advance(300);
  expect(client.positions()).toEqual({ c: 3 });
  expect(connection.answered().at(-1)).toMatchObject({ action: 'ack', positions: { c: 3 } });
});

test('a conversation that was passed over is asked for again once it goes on', async () => {
  const { client, clock, connected, told } = makeScriptedClient();
  let finish = () => {};
  client.on('message', ({ seq }) =>
    seq === 1 ? new Promise<void>((resolve) => (finish = resolve)) : undefined,
  );
  const connection = await connected();
  connection.mute();
  await connection.push(pushOf(1));
  await clock.advance(5_000);
  client.connect();
  await flush();
  expect((await answerCatchUp(connection)).positions).toEqual({ c: Number.MAX_SAFE_INTEGER });

  finish();
  await flush();
  expect((await answerCatchUp(connection, [[message(2)]])).positions).toEqual({ c: 1 });
  expect(names(told.message)).toEqual(['c1', 'c2']);
});

test('a gap of a slow conversation is not read again and again', async () => {
  const { client, clock, connected } = makeScriptedClient();
  client.on('message', never);
  const connection = await connected();
  await connection.push(pushOf(1));
  await connection.push(pushOf(5));
  await clock.advance(50_000);
  expect(connection.actions()).toEqual([]);
});

test('a connection that ends while a listener is slow is replaced at once', async () => {
  const { client, clock, gateway, told } = makeScriptedClient();
  client.on('message', never);
  client.connect();
  await flush();
  const first = gateway.next();
  await first.open();
  await answerCatchUp(first, [[message(1)]]);
  await first.cut();
  expect(told.state.at(-1)).toMatchObject({ reason: 'lost', retryInMs: 500 });
  await clock.advance(500);
  expect(gateway.waiting()).toBe(1);
});

test('a listener of errors that never ends holds nobody up', async () => {
  const { client, connected, told } = makeScriptedClient();
  client.on('error', never);
  client.on('message', () => {
    throw new Error('no disk');
  });
  const connection = await connected();
  for (const seq of [1, 2]) await connection.push(pushOf(seq));
  expect(names(told.message)).toEqual(['c1', 'c2']);
});

test('getToken that never settles is given up, told, and asked again', async () => {
  let calls = 0;
  const { client, clock, gateway, told } = makeScriptedClient({
    getToken() {
      calls += 1;
      return calls === 1 ? never() : 'a.b.c';
    },
  });
  client.connect();
  await clock.advance(30_000);
  expect(told.error).toMatchObject([
    { code: 'token_failed', cause: { message: expect.stringContaining('30 s') } },
  ]);
  await clock.advance(500);
  expect(calls).toBe(2);
  expect(gateway.waiting()).toBe(1);
});

test('disconnect ends the wait for a token, and connect asks for another one', async () => {
  let calls = 0;
  const { client, clock, told } = makeScriptedClient({
    getToken() {
      calls += 1;
      return never();
    },
  });
  client.connect();
  await flush();
  client.disconnect();
  await flush();
  expect(clock.pending()).toBe(0);
  client.connect();
  await flush();
  expect(calls).toBe(2);
  expect(told.error).toEqual([]);
});

const stored = (clientMessageId: string): QueuedSend => ({
  clientMessageId,
  recipientId: 'bob',
  content: 'old',
  queuedAt: 1,
});

test('a storage that never opens is told, and messages are sent without it; what it gives later goes out as well', async () => {
  let open = (_: QueuedSend[]) => {};
  const all = new Promise<QueuedSend[]>((resolve) => {
    open = resolve;
  });
  const { client, clock, connected, told } = makeScriptedClient({
    storage: { all: () => all, put: never, remove: never },
  });
  const sending = client.send({ recipientId: 'bob', content: 'new' });
  const connection = await connected();
  expect(connection.actions()).toEqual([]);
  await clock.advance(10_000);
  expect(told.error).toMatchObject([{ code: 'storage_failed' }]);
  const request = connection.take('send');
  await connection.reply(request, sent(request, 1));
  expect(await sending).toMatchObject({ content: 'new' });

  open([stored('from before')]);
  await flush();
  expect(connection.take('send')).toMatchObject({ clientMessageId: 'from before' });
});

test('what was stored only after it was confirmed is taken out again', async () => {
  let finish = () => {};
  const removed: string[] = [];
  const { client, clock, connected } = makeScriptedClient({
    storage: {
      all: () => [],
      put: () => new Promise<void>((resolve) => (finish = resolve)),
      remove: (id) => void removed.push(id),
    },
  });
  const connection = await connected();
  const sending = client.send({ recipientId: 'bob', content: 'new' });
  await flush();
  const request = connection.take('send');
  await connection.reply(request, sent(request, 1));
  await sending;
  await clock.advance(10_000);
  expect(removed).toEqual(['id-1']);
  finish();
  await flush();
  expect(removed).toEqual(['id-1', 'id-1']);
});
