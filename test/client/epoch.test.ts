import { expect, test } from 'vitest';
import { error, makeScriptedClient, message, pushOf } from './support/scripted-client.ts';
import type { Frame, ScriptedConnection } from './support/scripted-gateway.ts';
import { flush } from './support/virtual-clock.ts';

const done = (epoch: string, more = false) => ({ type: 'reconnect.done', conversations: [], more, epoch });
const seqs = (messages: readonly { seq: number }[]) => messages.map(({ seq }) => seq);

/** Answers the next `reconnect` with these messages; gives it. */
async function answer(connection: ScriptedConnection, epoch: string, messages: readonly Frame[] = []) {
  const request = connection.take('reconnect');
  if (messages.length > 0) await connection.reply(request, { type: 'reconnect.page', messages });
  await connection.reply(request, done(epoch));
  await flush();
  return request;
}

async function begin(options: Parameters<typeof makeScriptedClient>[0] = {}) {
  const scripted = makeScriptedClient(options);
  scripted.client.connect();
  await flush();
  const connection = scripted.gateway.next();
  await connection.open();
  return { ...scripted, connection };
}

test('the epoch is given back with the positions, and stored together with them', async () => {
  const { client, clock, connection, gateway, told } = await begin();
  expect(connection.actions()).toEqual(['reconnect']);
  expect(await answer(connection, 'life 1', [message(1)])).not.toHaveProperty('epoch');
  expect(client.resumePoint()).toEqual({ positions: { c: 1 }, epoch: 'life 1' });
  await connection.cut();
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  expect(await answer(next, 'life 1')).toMatchObject({ positions: { c: 1 }, epoch: 'life 1' });
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });

  const later = await begin(client.resumePoint());
  expect(later.connection.take('reconnect')).toMatchObject({ positions: { c: 1 }, epoch: 'life 1' });
});

test('in another life the positions are dropped, which is told, and everything is loaded anew', async () => {
  const { client, clock, connection, gateway, told } = await begin({
    positions: { c: 7, d: 3 },
    epoch: 'life 1',
  });
  const request = connection.take('reconnect');
  await connection.reply(request, error('epoch_changed', { epoch: 'life 2' }));
  await flush();
  expect(told.reset).toEqual([{ reason: 'epoch_changed' }]);
  expect(told.state.at(-1)).toMatchObject({ state: 'connecting', reason: 'epoch_changed' });
  expect(client.positions()).toEqual({});
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  const anew = await answer(next, 'life 2', [message(1), message(2)]);
  expect(anew.positions).toEqual({});
  expect(anew).not.toHaveProperty('epoch');
  expect(seqs(told.message)).toEqual([1, 2]);
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: false });
  expect(client.resumePoint()).toEqual({ positions: { c: 2 }, epoch: 'life 2' });
  expect(told.error).toEqual([]);

  // It is told once.
  await next.cut();
  await clock.advance(1_000);
  const last = gateway.next();
  await last.open();
  await answer(last, 'life 2');
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });
});

test('whatever is asked over a connection of a life that is over leads to the same, and a send goes out again', async () => {
  const { client, clock, connection, gateway, told } = await begin();
  await answer(connection, 'life 1', [message(1), message(2)]);
  void client.send({ recipientId: 'bob', content: 'hi' });
  await flush();
  await connection.reply(connection.take('send'), error('epoch_changed', { epoch: 'life 2' }));
  expect(told.reset).toHaveLength(1);
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  await answer(next, 'life 2', [message(1)]);
  expect(seqs(told.message)).toEqual([1, 2, 1]);
  expect(next.take('send')).toMatchObject({ content: 'hi' });
  // What was acknowledged, or about to be, is not said of other messages.
  expect(next.answered()).toMatchObject([{ action: 'ack', positions: { c: 1 } }]);
});

test('what has arrived is not acknowledged before the new connection has told its life', async () => {
  const { clock, connection, gateway } = await begin();
  await answer(connection, 'life 1');
  await connection.push(pushOf(1, { senderId: 'alice', clientMessageId: 'mine' }));
  await clock.advance(59_500);
  await connection.cut();
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  await clock.advance(5_000);
  expect(next.answered()).toEqual([]);
  await next.reply(next.take('reconnect'), error('epoch_changed', { epoch: 'life 2' }));
  await clock.advance(5_000);
  const last = gateway.next();
  await last.open();
  await answer(last, 'life 2');
  expect(last.answered()).toEqual([]);
});

test('a server that tells another epoch without an error is another life as well', async () => {
  const { connection, told } = await begin({ positions: { c: 7 }, epoch: 'life 1' });
  await connection.reply(connection.take('reconnect'), done('life 2'));
  await flush();
  expect(told.reset).toHaveLength(1);
  expect(connection.isClosed()).toBe(true);
});

test('positions that were stored without their epoch are dropped where the server needs one', async () => {
  const { clock, connection, gateway, told } = await begin({ positions: { c: 7 } });
  await connection.reply(connection.take('reconnect'), error('bad_request'));
  await flush();
  expect(told.reset).toHaveLength(1);
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  expect((await answer(next, 'life 1', [message(1)])).positions).toEqual({});
  expect(seqs(told.message)).toEqual([1]);
});

test('a server that tells no epoch is given none', async () => {
  const { client, connection, told } = await begin({ positions: { c: 7 } });
  const request = connection.take('reconnect');
  expect(request).not.toHaveProperty('epoch');
  await connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  await flush();
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });
  expect(client.resumePoint()).toEqual({ positions: { c: 7 } });
});

test('messages wait until the listeners of reset are done; what was held back of the old life never comes', async () => {
  const { client, clock, connection, gateway, told } = await begin();
  let finish = () => {};
  let endSlow = () => {};
  client.on('reset', () => new Promise<void>((resolve) => (finish = resolve)));
  client.on('message', ({ content }) =>
    content === 'slow' ? new Promise<void>((resolve) => (endSlow = resolve)) : undefined,
  );
  await answer(connection, 'life 1');
  await connection.push(pushOf(1, { content: 'slow' }));
  await connection.push(pushOf(2, { content: 'of the old life' }));
  void client.history({ conversationId: 'c' }).catch(() => {});
  await flush();
  await connection.reply(connection.take('history'), error('epoch_changed', { epoch: 'life 2' }));
  await clock.advance(10_000);
  expect(gateway.waiting()).toBe(0);
  endSlow();
  finish();
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  await answer(next, 'life 2', [message(1, { content: 'new' })]);
  expect(told.message.map(({ content }) => content)).toEqual(['slow', 'new']);
});

test('a device that keeps nothing begins anew where the acknowledgements of the user end', async () => {
  const { clock, connection, gateway, told } = await begin({ positions: undefined });
  await answer(connection, 'life 1');
  const row = { conversationId: 'c', lastSeq: 0, deliveredSeq: 0 };
  await connection.reply(connection.take('conversations'), {
    type: 'conversations.page',
    conversations: [row],
  });
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });
  await connection.cut();
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  await next.reply(next.take('reconnect'), error('epoch_changed', { epoch: 'life 2' }));
  await clock.advance(2_000);
  const last = gateway.next();
  await last.open();
  expect(last.take('reconnect')).toMatchObject({ positions: {}, only: true });
});

test('receipts of another life begin anew', async () => {
  const { clock, connection, gateway, told } = await begin();
  await answer(connection, 'life 1');
  const receipt = (deliveredSeq: number) => ({
    type: 'receipt',
    conversationId: 'c',
    userId: 'bob',
    deliveredSeq,
    readSeq: 0,
  });
  await connection.push(receipt(9));
  await connection.push(error('epoch_changed', { epoch: 'life 2' }));
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  await answer(next, 'life 2');
  await next.push(receipt(2));
  expect(told.receipt.map(({ deliveredSeq }) => deliveredSeq)).toEqual([9, 2]);
});

test('what came before the first connection could tell its epoch is kept, and the epoch asked for', async () => {
  const { clock, connection, gateway, told } = await begin();
  const request = connection.take('reconnect');
  await connection.reply(request, { type: 'reconnect.page', messages: [message(1)] });
  await connection.cut();
  await clock.advance(500);
  const next = gateway.next();
  await next.open();
  expect(await answer(next, 'life 1')).toMatchObject({ positions: {}, only: true });
  expect(await answer(next, 'life 1', [message(2)])).toMatchObject({ positions: { c: 1 }, epoch: 'life 1' });
  expect(seqs(told.message)).toEqual([1, 2]);
  expect(told.reset).toEqual([]);
});
