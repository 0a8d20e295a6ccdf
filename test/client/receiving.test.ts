import { expect, test } from 'vitest';
import { answerCatchUp, error, makeScriptedClient, message, pushOf } from './support/scripted-client.ts';
import type { Frame, ScriptedConnection } from './support/scripted-gateway.ts';
import { flush } from './support/virtual-clock.ts';

const seqs = (messages: readonly { seq: number }[]) => messages.map(({ seq }) => seq);

async function answerHistory(
  connection: ScriptedConnection,
  found: readonly number[],
  more = false,
): Promise<Frame> {
  const request = connection.take('history');
  const messages = found.map((seq) => message(seq));
  await connection.reply(request, { type: 'history.page', conversationId: 'c', messages, more });
  return request;
}

test('messages that overtake each other, or come twice, are given once and in order', async () => {
  const { connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  for (const seq of [2, 1, 1, 4, 2, 3, 4]) await connection.push(pushOf(seq));
  expect(seqs(told.message)).toEqual([1, 2, 3, 4]);
  await clock.advance(10_000);
  expect(connection.actions()).toEqual([]);
});

test('each conversation has its own order', async () => {
  const { connected, told } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(2, { conversationId: 'c' }));
  await connection.push(pushOf(1, { conversationId: 'd' }));
  await connection.push(pushOf(1, { conversationId: 'c' }));
  expect(told.message.map(({ conversationId, seq }) => `${conversationId}${seq}`)).toEqual([
    'd1',
    'c1',
    'c2',
  ]);
});

test('a gap that stays is filled by history, after a moment', async () => {
  const { connected, told, clock } = makeScriptedClient({ positions: { c: 4 } });
  const connection = await connected();
  await connection.push(pushOf(8));
  await clock.advance(299);
  expect(connection.actions()).toEqual([]);
  await clock.advance(1);
  expect(await answerHistory(connection, [5, 6])).toMatchObject({ conversationId: 'c', after: 4, limit: 4 });
  expect(seqs(told.message)).toEqual([5, 6]);
  expect(await answerHistory(connection, [7, 8])).toMatchObject({ after: 6, limit: 2 });
  expect(seqs(told.message)).toEqual([5, 6, 7, 8]);
  expect(told.gap).toEqual([]);
});

test('what history leaves out between two messages does not exist', async () => {
  const { connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(5));
  await clock.advance(300);
  await answerHistory(connection, [1, 4, 5]);
  expect(seqs(told.message)).toEqual([1, 4, 5]);
  expect(told.gap).toEqual([{ conversationId: 'c', from: 2, to: 3 }]);
});

test('history that has nothing yet is asked again, and the hole is skipped only once it must have settled', async () => {
  const { connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(2));
  await clock.advance(300);
  let asked = 0;
  for (let waited = 0; waited < 14_000; waited += 500) {
    if (connection.actions().includes('history')) {
      asked += 1;
      await answerHistory(connection, []);
    }
    await clock.advance(500);
  }
  expect(asked).toBeGreaterThan(2);
  expect(told.message).toEqual([]);
  for (let waited = 0; waited < 20_000; waited += 500) {
    if (connection.actions().includes('history')) await answerHistory(connection, []);
    await clock.advance(500);
  }
  expect(seqs(told.message)).toEqual([2]);
  expect(told.gap).toEqual([{ conversationId: 'c', from: 1, to: 1 }]);
});

test('a settled hole that is longer than a page does not hold the conversation up', async () => {
  const { connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(500));
  await clock.advance(300);
  const cursors = new Set<unknown>();
  for (let waited = 0; waited < 60_000 && told.message.length === 0; waited += 500) {
    if (connection.actions().includes('history')) {
      const request = connection.take('history');
      cursors.add(request.after);
      const messages = request.after === 400 ? [message(500)] : [];
      const page = { type: 'history.page', conversationId: 'c', messages, more: messages.length === 0 };
      await connection.reply(request, page);
    }
    await clock.advance(500);
  }
  expect(seqs(told.message)).toEqual([500]);
  expect([...cursors]).toEqual([0, 100, 200, 300, 400]);
  expect(told.gap).toEqual([{ conversationId: 'c', from: 1, to: 499 }]);
});

test('of what is held back a thousand messages are kept, and those beyond are read again once the others were given', async () => {
  const { connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  for (let seq = 2; seq <= 1_003; seq += 1) await connection.push(pushOf(seq));
  await clock.advance(300);
  // The one that is missing is taken although there is no room, because everything can be given with it.
  expect(await answerHistory(connection, [1])).toMatchObject({ after: 0 });
  expect(told.message.at(-1)?.seq).toBe(1_001);

  expect(await answerHistory(connection, [1_002, 1_003])).toMatchObject({ after: 1_001, limit: 2 });
  expect(seqs(told.message)).toEqual(Array.from({ length: 1_003 }, (_, index) => index + 1));
  expect(told.gap).toEqual([]);
});

test('a message counts as arrived when its listener is done, and only then the next one comes', async () => {
  const { client, connected, told, clock } = makeScriptedClient();
  const connection = await connected();
  const handling: PromiseWithResolvers<void>[] = [];
  client.on('message', async () => {
    const one = Promise.withResolvers<void>();
    handling.push(one);
    await one.promise;
  });
  await connection.push(pushOf(1));
  await connection.push(pushOf(2));
  expect(seqs(told.message)).toEqual([1]);
  await clock.advance(1_000);
  expect(client.positions()).toEqual({ c: 0 });
  expect(connection.answered()).toEqual([]);
  handling[0]?.resolve();
  await clock.advance(300);
  expect(seqs(told.message)).toEqual([1, 2]);
  expect(client.positions()).toEqual({ c: 1 });
  expect(connection.answered()).toMatchObject([{ action: 'ack', positions: { c: 1 } }]);
});

test('a listener that fails is told, and holds nobody up', async () => {
  const { client, connected, told } = makeScriptedClient();
  const connection = await connected();
  client.on('message', () => {
    throw new Error('no disk');
  });
  await connection.push(pushOf(1));
  await connection.push(pushOf(2));
  expect(seqs(told.message)).toEqual([1, 2]);
  expect(told.error).toMatchObject([
    { code: 'handler_failed', cause: { message: 'no disk' } },
    { code: 'handler_failed' },
  ]);
});

test('acknowledgements are collected: the highest position of each conversation, one frame', async () => {
  const { connected, clock } = makeScriptedClient();
  const connection = await connected();
  for (const seq of [1, 2, 3]) await connection.push(pushOf(seq));
  await connection.push(pushOf(1, { conversationId: 'd' }));
  await clock.advance(300);
  expect(connection.answered()).toMatchObject([{ action: 'ack', positions: { c: 3, d: 1 } }]);
});

test('one’s own message is acknowledged with the answer to it, by one frame', async () => {
  const { connected, clock } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(1, { senderId: 'alice', clientMessageId: 'id-1' }));
  await clock.advance(59_000);
  expect(connection.answered()).toEqual([]);
  await connection.push(pushOf(2));
  await clock.advance(300);
  expect(connection.answered()).toMatchObject([{ action: 'ack', positions: { c: 2 } }]);
  await clock.advance(60_000);
  expect(connection.answered()).toHaveLength(1);
});

test('without an answer it is acknowledged after a minute', async () => {
  const { connected, clock } = makeScriptedClient();
  const connection = await connected();
  await connection.push(pushOf(1, { senderId: 'alice', clientMessageId: 'id-1' }));
  await clock.advance(60_000);
  expect(connection.answered()).toMatchObject([{ action: 'ack', positions: { c: 1 } }]);
});

test.for(['disconnect', 'close'] as const)(
  '%s tells what has arrived before the connection ends, and leaves no timer',
  async (end) => {
    const { client, connected, clock, told } = makeScriptedClient();
    const connection = await connected();
    connection.mute();
    await connection.push(pushOf(1));
    await clock.advance(300);
    expect(connection.take('ack').positions).toEqual({ c: 1 });
    // That one has had no answer when the end comes.
    for (let index = 0; index < 100; index += 1)
      await connection.push(pushOf(1, { conversationId: `c${index}` }));
    await connection.push(pushOf(2, { senderId: 'alice', clientMessageId: 'id-1' }));
    client[end]();
    const [one, other] = [connection.take('ack'), connection.take('ack')];
    const positions = { ...(one.positions as object), ...(other.positions as object) };
    expect(positions).toMatchObject({ c: 2, c0: 1, c99: 1 });
    await flush();
    expect(told.error).toEqual([]);
    expect(clock.pending()).toBe(0);
  },
);

test('what a listener is done with after the end leaves no timer, and is told over the next connection', async () => {
  const { client, connected, clock, admit } = makeScriptedClient();
  const handled = Promise.withResolvers<void>();
  client.on('message', () => handled.promise);
  const connection = await connected();
  await connection.push(pushOf(1));
  client.disconnect();
  handled.resolve();
  await flush();
  expect(clock.pending()).toBe(0);
  client.connect();
  await flush();
  expect((await admit()).answered()).toMatchObject([{ action: 'ack', positions: { c: 1 } }]);
});

test('a frame acknowledges 100 conversations at most', async () => {
  const { connected, clock } = makeScriptedClient();
  const connection = await connected();
  for (let index = 0; index < 101; index += 1)
    await connection.push(pushOf(1, { conversationId: `c${index}` }));
  await clock.advance(300);
  const sizes = connection.answered().map(({ positions }) => Object.keys(positions as object).length);
  expect(sizes).toEqual([100, 1]);
});

test('acknowledgements that a cut swallowed go out over the next connection', async () => {
  const { connected, clock, admit } = makeScriptedClient();
  const first = await connected();
  first.mute();
  await first.push(pushOf(1));
  await clock.advance(300);
  expect(first.actions()).toEqual(['ack']);
  await first.cut();
  await clock.advance(500);
  const second = await admit();
  expect(second.answered()).toMatchObject([{ action: 'ack', positions: { c: 1 } }]);
});

test('what arrives while an acknowledgement is under way is acknowledged after it', async () => {
  const { connected, clock } = makeScriptedClient();
  const connection = await connected();
  connection.mute();
  await connection.push(pushOf(1));
  await clock.advance(300);
  const first = connection.take('ack');
  await connection.push(pushOf(2));
  await connection.reply(first, { type: 'ok' });
  await clock.advance(300);
  expect(connection.take('ack').positions).toEqual({ c: 2 });
});

test('what goes on arriving does not hold a catch-up up: it collects for the next acknowledgement', async () => {
  const { client, clock, gateway } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  connection.mute();
  await connection.open();
  await answerCatchUp(connection, [[message(1)]]);
  const first = connection.take('ack');
  await connection.push(pushOf(2));
  await connection.reply(first, { type: 'ok' });
  expect(client.state()).toBe('connected');
  expect(connection.actions()).toEqual([]);
  await clock.advance(300);
  expect(connection.take('ack').positions).toEqual({ c: 2 });
});

test('it is not caught up while something is missing below a message that came live', async () => {
  const { client, clock, gateway, told } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const request = connection.take('reconnect');
  await connection.push(pushOf(2));
  await connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  expect(client.state()).toBe('connecting');
  await clock.advance(1_000);
  await answerCatchUp(connection, [[message(1), message(2)]]);
  expect(seqs(told.message)).toEqual([1, 2]);
  expect(client.state()).toBe('connected');
});

test('what stays missing is left to be filled, and holds no catch-up up for ever', async () => {
  const { client, clock, gateway } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  await connection.push(pushOf(2));
  for (let turn = 0; client.state() === 'connecting' && turn < 20; turn += 1) {
    if (connection.actions().includes('reconnect')) await answerCatchUp(connection);
    await clock.advance(1_000);
  }
  expect(client.state()).toBe('connected');
  expect(connection.actions()).toContain('history');
});

test('a catch-up that brings nothing although there is more is not asked for in a hurry', async () => {
  const { client, gateway, clock } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  await answerCatchUp(connection, [], true);
  expect(connection.actions()).toEqual([]);
  await clock.advance(1_000);
  expect(connection.actions()).toEqual(['reconnect']);
});

test('more: acknowledges what arrived, waits for ok, and asks again with raised positions', async () => {
  const { client, gateway, told } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  connection.mute();
  await connection.open();
  await answerCatchUp(connection, [[message(1), message(2)], [message(3)]], true);
  expect(connection.actions()).toEqual(['ack']);
  const ack = connection.take('ack');
  expect(ack.positions).toEqual({ c: 3 });
  await connection.reply(ack, { type: 'ok' });
  expect((await answerCatchUp(connection, [[message(4)]])).positions).toEqual({ c: 3 });
  await connection.reply(connection.take('ack'), { type: 'ok' });
  expect(seqs(told.message)).toEqual([1, 2, 3, 4]);
  expect(client.state()).toBe('connected');
});

test('a catch-up that the server cannot give yet is asked for again', async () => {
  const { client, clock, gateway, told } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const request = connection.take('reconnect');
  await connection.reply(request, { type: 'reconnect.page', messages: [message(1)] });
  await connection.reply(request, error('unavailable'));
  expect(client.state()).toBe('connecting');
  await clock.advance(500);
  await answerCatchUp(connection, [[message(1), message(2)]]);
  expect(client.state()).toBe('connected');
  expect(seqs(told.message)).toEqual([1, 2]);
});

test('without positions it begins where the acknowledgements of the user end', async () => {
  const { client, gateway, told } = makeScriptedClient({ positions: undefined });
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const first = connection.take('reconnect');
  expect(first).toMatchObject({ positions: {}, only: true });
  await connection.push(pushOf(9));
  await connection.reply(first, { type: 'reconnect.done', conversations: [], more: false });
  const list = connection.take('conversations');
  const row = (conversationId: string, deliveredSeq: number, lastSeq: number) => ({
    conversationId,
    members: ['alice', 'bob'],
    deliveredSeq,
    lastSeq,
    readSeq: 0,
    unread: 0,
    lastMessageAt: '2026-01-01T00:00:00.000Z',
  });
  expect(told.message).toEqual([]);
  const rows = [row('c', 7, 8), row('d', 3, 3)];
  await connection.reply(list, { type: 'conversations.page', conversations: rows });
  const drain = await answerCatchUp(connection, [[message(8)]]);
  expect(drain).toMatchObject({ positions: { c: 7 }, only: true });
  await flush();
  expect(seqs(told.message)).toEqual([8, 9]);
  expect(client.positions()).toEqual({ c: 9, d: 3 });
  await connection.push(pushOf(1, { conversationId: 'new' }));
  expect(client.positions()).toEqual({ c: 9, d: 3, new: 1 });
});

test.each([
  [7, false],
  [0, true],
])(
  'without positions, of what other devices have acknowledged up to %d, it is told as recovered: %s',
  async (deliveredSeq, recovered) => {
    const { client, clock, gateway, told, admit } = makeScriptedClient({ positions: undefined });
    client.connect();
    await flush();
    const connection = gateway.next();
    await connection.open();
    await answerCatchUp(connection);
    const row = { conversationId: 'c', lastSeq: 7, deliveredSeq };
    await connection.reply(connection.take('conversations'), {
      type: 'conversations.page',
      conversations: [row],
    });
    if (connection.actions().includes('reconnect'))
      await answerCatchUp(connection, [[1, 2, 3, 4, 5, 6, 7].map((seq) => message(seq))]);
    expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered });

    // What it has had since is its own.
    await connection.cut();
    await clock.advance(500);
    await admit();
    expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });
  },
);

test('more than 500 conversations are caught up with by the list of those that have grown', async () => {
  const ids = Array.from({ length: 501 }, (_, index) => `c${index}`);
  const { client, gateway, told } = makeScriptedClient({
    positions: Object.fromEntries(ids.map((id) => [id, 1])),
  });
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const first = connection.take('reconnect');
  expect(first).toMatchObject({ positions: {}, only: true });
  await connection.reply(first, { type: 'reconnect.done', conversations: [], more: false });
  const rows = [...ids, 'new'].map((conversationId) => ({
    conversationId,
    lastSeq: conversationId === 'c7' || conversationId === 'new' ? 2 : 1,
    deliveredSeq: 1,
  }));
  const page = { type: 'conversations.page', conversations: rows.slice(0, 300), cursor: 'next' };
  await connection.reply(connection.take('conversations'), page);
  const last = connection.take('conversations');
  expect(last.cursor).toBe('next');
  await connection.reply(last, { type: 'conversations.page', conversations: rows.slice(300) });
  await connection.reply(connection.take('conversations'), page);
  const drain = await answerCatchUp(connection, [
    [message(2, { conversationId: 'c7' })],
    [message(1, { conversationId: 'new' }), message(2, { conversationId: 'new' })],
  ]);
  expect(drain).toMatchObject({ positions: { c7: 1, new: 0 }, only: true });
  await flush();
  expect(told.message.map(({ conversationId, seq }) => `${conversationId} ${seq}`)).toEqual([
    'c7 2',
    'new 1',
    'new 2',
  ]);
  expect(client.state()).toBe('connected');
});

test('receipts never go back, and one that adds nothing is not told', async () => {
  const { connected, told } = makeScriptedClient();
  const connection = await connected();
  const receipt = (deliveredSeq: number, readSeq: number, userId = 'bob') =>
    connection.push({ type: 'receipt', conversationId: 'c', userId, deliveredSeq, readSeq });
  await receipt(3, 1);
  await receipt(2, 1);
  await receipt(3, 3);
  await receipt(4, 2);
  await receipt(1, 0, 'carol');
  expect(told.receipt.map(({ userId, deliveredSeq, readSeq }) => [userId, deliveredSeq, readSeq])).toEqual([
    ['bob', 3, 1],
    ['bob', 3, 3],
    ['bob', 4, 3],
    ['carol', 1, 0],
  ]);
});

test('a frame that is no JSON, or of a type that is not known, changes nothing', async () => {
  const { connected, told, client } = makeScriptedClient();
  const connection = await connected();
  await connection.push({ type: 'typing.started', requestId: 'nobody' });
  await connection.push(['list'] as never);
  await connection.push(null as never);
  await connection.push(pushOf(1));
  expect(seqs(told.message)).toEqual([1]);
  expect(client.state()).toBe('connected');
  expect(told.error).toEqual([]);
});

test('a page that leads past a message that came live settles what is missing below that one as well', async () => {
  const { connected, told, admit, clock } = makeScriptedClient();
  const first = await connected();
  await first.push(pushOf(2));
  await first.cut();
  await clock.advance(500);
  // 1 and 2 have become unreadable meanwhile.
  await admit([[message(3)]]);
  expect(seqs(told.message)).toEqual([2, 3]);
  expect(told.gap).toEqual([{ conversationId: 'c', from: 1, to: 1 }]);
});
