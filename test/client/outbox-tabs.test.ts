import { afterEach, expect, test, vi } from 'vitest';
import type { OutboxStorage, QueuedSend } from '../../client/outbox-storage.ts';
import { error, makeScriptedClient, message, sent } from './support/scripted-client.ts';
import type { Frame, ScriptedConnection } from './support/scripted-gateway.ts';
import { flush } from './support/virtual-clock.ts';

afterEach(() => vi.unstubAllGlobals());

function makeStorage(...initial: QueuedSend[]): OutboxStorage & { kept(): QueuedSend[] } {
  const rows = new Map(initial.map((send) => [send.clientMessageId, send]));
  return {
    all: async () => [...rows.values()],
    put: async (send) => void rows.set(send.clientMessageId, send),
    remove: async (clientMessageId) => void rows.delete(clientMessageId),
    kept: () => [...rows.values()],
  };
}

const stored = (fields: Partial<QueuedSend> = {}): QueuedSend => ({
  clientMessageId: 'old',
  conversationId: 'c',
  content: 'old',
  queuedAt: Date.parse('2026-01-01'),
  after: 9,
  ...fields,
});

const own = (seq: number, clientMessageId: string, content = clientMessageId) =>
  message(seq, { senderId: 'alice', recipientId: 'bob', clientMessageId, content });

/** Answers a `history` from the newest of these messages. */
async function answerHistory(connection: ScriptedConnection, all: readonly Frame[]): Promise<Frame> {
  const request = connection.take('history');
  const below = all.filter(({ seq }) => Number(seq) < Number(request.before ?? Number.POSITIVE_INFINITY));
  const messages = below.slice(-Number(request.limit));
  const fields = { conversationId: 'c', messages, more: messages.length < below.length };
  await connection.reply(request, { type: 'history.page', ...fields });
  return request;
}

test('a stored send that was committed long ago is found, and not sent again', async () => {
  const storage = makeStorage(stored());
  const { connected, told } = makeScriptedClient({ storage, positions: { c: 300 } });
  const connection = await connected();
  const log = Array.from({ length: 300 }, (_, index) => own(index + 1, index === 19 ? 'old' : `x${index}`));
  expect(await answerHistory(connection, log)).not.toHaveProperty('before');
  expect((await answerHistory(connection, log)).before).toBe(201);
  expect(connection.actions()).toEqual(['history']);
  await answerHistory(connection, log);
  expect(connection.actions()).toEqual([]);
  expect(told.sent).toMatchObject([{ send: { clientMessageId: 'old' }, message: { seq: 20 } }]);
  await flush();
  expect(storage.kept()).toEqual([]);
});

test('one that was never committed goes out once everything since has been looked through', async () => {
  const storage = makeStorage(stored({ after: 150 }));
  const { connected, told } = makeScriptedClient({ storage, positions: { c: 300 } });
  const connection = await connected();
  const log = Array.from({ length: 300 }, (_, index) => own(index + 1, `x${index}`));
  await answerHistory(connection, log);
  await answerHistory(connection, log);
  const request = connection.take('send');
  expect(request).toEqual({
    action: 'send',
    requestId: expect.any(String),
    conversationId: 'c',
    content: 'old',
    clientMessageId: 'old',
  });
  // From now on the server remembers it.
  await connection.reply(request, error('unavailable'));
  expect(told.failed).toEqual([]);
});

test('one that was changed since is found all the same; another message of this id is not', async () => {
  const storage = makeStorage(stored());
  const { connected, told } = makeScriptedClient({ storage, positions: { c: 300 } });
  const connection = await connected();
  await answerHistory(connection, [
    own(200, 'old', 'other text'),
    { ...own(20, 'old', 'edited'), changeSeq: 21 },
  ]);
  expect(told.sent).toMatchObject([{ message: { seq: 20 } }]);
});

test('what the server surely remembers is not looked up', async () => {
  const storage = makeStorage(stored({ after: 290 }));
  const { connected } = makeScriptedClient({ storage, positions: { c: 300 } });
  expect((await connected()).actions()).toEqual(['send']);
});

test('a conversation that is named by the other person is found in the list', async () => {
  const { conversationId: _, ...send } = stored({ recipientId: 'bob' });
  const storage = makeStorage(send);
  const { connected, told } = makeScriptedClient({ storage, positions: { c: 300 } });
  const connection = await connected();
  const rows = [{ conversationId: 'g', members: ['alice', 'bob', 'dave'] }];
  await connection.reply(connection.take('conversations'), {
    type: 'conversations.page',
    conversations: rows,
    cursor: 'next',
  });
  const next = connection.take('conversations');
  expect(next.cursor).toBe('next');
  const found = [{ conversationId: 'c', members: ['alice', 'bob'] }];
  await connection.reply(next, { type: 'conversations.page', conversations: found });
  await answerHistory(connection, [own(20, 'old')]);
  expect(told.sent).toMatchObject([{ message: { seq: 20 } }]);
});

test('a send is stored with the end of its conversation', async () => {
  const storage = makeStorage();
  const { connected, client } = makeScriptedClient({ storage, positions: { c: 7 } });
  const connection = await connected();
  await connection.push({ type: 'message.new', messageId: 'm-8', message: message(8) });
  connection.mute();
  void client.send({ recipientId: 'bob', content: 'hi' });
  await flush();
  expect(storage.kept()).toMatchObject([{ content: 'hi', after: 8 }]);
  expect(connection.take('send')).not.toHaveProperty('after');
});

test('of two tabs with one storage each sends its own, and one that is gone leaves its to the other', async () => {
  const storage = makeStorage();
  const one = makeScriptedClient({ storage, newId: () => 'of one' });
  const two = makeScriptedClient({ storage, newId: () => 'of two' });
  void one.client.send({ recipientId: 'bob', content: 'hi' }).catch(() => {});
  await flush();
  void two.client.send({ recipientId: 'bob', content: 'hi' });
  await flush();
  const later = makeScriptedClient({ storage, newId: () => 'of later' });
  const [toTwo, toLater] = [await two.connected(), await later.connected()];
  expect(toTwo.take('send').clientMessageId).toBe('of two');
  expect(toTwo.actions()).toEqual([]);
  expect(toLater.actions()).toEqual([]);

  one.client.close();
  await flush(30);
  // One of them has it, and the other one has not.
  expect(
    [...two.client.queued(), ...later.client.queued()].map(({ clientMessageId }) => clientMessageId).sort(),
  ).toEqual(['of one', 'of two']);
});

test('a tab that was waiting for another takes over what that one has left, and sends it', async () => {
  const storage = makeStorage();
  const one = makeScriptedClient({ storage, newId: () => 'of one' });
  void one.client.send({ recipientId: 'bob', content: 'hi' }).catch(() => {});
  await flush();
  const two = makeScriptedClient({ storage });
  const connection = await two.connected();
  expect(connection.actions()).toEqual([]);
  one.client.close();
  await flush(30);
  const request = connection.take('send');
  expect(request.clientMessageId).toBe('of one');
  await connection.reply(request, sent(request, 1));
  await flush();
  expect(storage.kept()).toEqual([]);
});

test.each([
  ['there are no Web Locks', undefined],
  ['they are forbidden', { request: () => Promise.reject(new DOMException('No.', 'SecurityError')) }],
])('what was stored is sent where %s', async (_, locks) => {
  vi.stubGlobal('navigator', { locks });
  const { connected, told } = makeScriptedClient({ storage: makeStorage(stored()), positions: { c: 10 } });
  expect((await connected()).actions()).toEqual(['send']);
  expect(told.error).toEqual([]);
});
