import { expect, test } from 'vitest';
import type { OutboxStorage, QueuedSend } from '../../client/outbox-storage.ts';
import { error, makeScriptedClient, message, sent } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const toBob = (content: string) => ({ recipientId: 'bob', content });

test('send resolves with the committed message, which is then given as an event as well', async () => {
  const { client, connected, told } = makeScriptedClient();
  const connection = await connected();
  const sending = client.send(toBob('hello'));
  await flush();
  const request = connection.take('send');
  expect(request).toMatchObject({ recipientId: 'bob', content: 'hello', clientMessageId: 'id-1' });
  expect(client.queued()).toMatchObject([{ content: 'hello', clientMessageId: 'id-1' }]);
  await connection.reply(request, sent(request, 1));
  expect(await sending).toMatchObject({ seq: 1, content: 'hello', clientMessageId: 'id-1' });
  expect(told.message).toMatchObject([{ seq: 1 }]);
  expect(told.sent).toMatchObject([{ send: { clientMessageId: 'id-1' }, message: { seq: 1 } }]);
  expect(client.queued()).toEqual([]);
});

test('one send of a conversation is unconfirmed at a time; other conversations go on', async () => {
  const { client, connected } = makeScriptedClient();
  const connection = await connected();
  for (const content of ['one', 'two']) void client.send(toBob(content));
  void client.send({ recipientId: 'carol', content: 'hi' });
  await flush();
  expect(connection.actions()).toEqual(['send', 'send']);
  const [one, hi] = [connection.take('send'), connection.take('send')];
  expect([one.content, hi.content]).toEqual(['one', 'hi']);
  await connection.reply(one, sent(one, 1));
  expect(connection.take('send').content).toBe('two');
});

test('a conversation is the same by its id and by the other person, once that is known', async () => {
  const { client, connected } = makeScriptedClient();
  const connection = await connected();
  await connection.push({ type: 'message.new', messageId: 'm-1', message: message(1) });
  void client.send(toBob('one'));
  void client.send({ conversationId: 'c', content: 'two' });
  await flush();
  expect(connection.actions()).toEqual(['send']);
});

test('what is sent without a connection waits, and goes out in its order', async () => {
  const { client, connected, told } = makeScriptedClient();
  for (const content of ['one', 'two', 'three']) void client.send(toBob(content));
  const connection = await connected();
  for (const [index, content] of ['one', 'two', 'three'].entries()) {
    const request = connection.take('send');
    expect(request.content).toBe(content);
    await connection.reply(request, sent(request, index + 1));
  }
  expect(told.message.map(({ content }) => content)).toEqual(['one', 'two', 'three']);
});

test('the queue is bounded', async () => {
  const { client } = makeScriptedClient({ maxQueued: 2 });
  for (const content of ['one', 'two']) void client.send(toBob(content));
  await expect(client.send(toBob('three'))).rejects.toMatchObject({ code: 'queue_full' });
});

test('rate_limited: waits as long as it was told, sends the same again, one at a time until it passes', async () => {
  const { client, clock, connected } = makeScriptedClient();
  const connection = await connected();
  for (const user of ['bob', 'carol', 'dave']) void client.send({ recipientId: user, content: user });
  await flush();
  for (const action of connection.actions())
    await connection.reply(connection.take(action), error('rate_limited', { retryAfterMs: 700 }));
  await clock.advance(699);
  expect(connection.actions()).toEqual([]);
  await clock.advance(1);
  expect(connection.actions()).toEqual(['send']);
  const again = connection.take('send');
  expect(again).toMatchObject({ content: 'bob', clientMessageId: 'id-1' });
  await connection.reply(again, sent(again, 1, { conversationId: 'b' }));
  expect(connection.actions()).toEqual(['send', 'send']);
});

test.each(['unavailable', 'internal'])(
  '%s: sends the same clientMessageId again after a while',
  async (code) => {
    const { client, clock, connected } = makeScriptedClient();
    const connection = await connected();
    const sending = client.send(toBob('one'));
    void client.send(toBob('two'));
    await flush();
    await connection.reply(connection.take('send'), error(code));
    expect(connection.actions()).toEqual([]);
    await clock.advance(1_000);
    const again = connection.take('send');
    expect(again).toMatchObject({ content: 'one', clientMessageId: 'id-1' });
    await connection.reply(again, { ...sent(again, 1), duplicate: true });
    expect(await sending).toMatchObject({ seq: 1 });
  },
);

test('a defect that does not pass fails in the end, and the next message goes', async () => {
  const { client, clock, connected, told } = makeScriptedClient();
  const connection = await connected();
  const outcome = expect(client.send(toBob('one'))).rejects.toMatchObject({
    code: 'internal',
    remedy: 'Do something.',
  });
  void client.send(toBob('two'));
  await flush();
  for (let attempts = 0; told.failed.length === 0 && attempts < 50; attempts += 1) {
    if (connection.actions().includes('send')) {
      const request = connection.take('send');
      expect(request.content).toBe('one');
      await connection.reply(request, error('internal'));
    }
    await clock.advance(15_000);
  }
  await outcome;
  expect(connection.take('send').content).toBe('two');
});

test.each(['forbidden', 'not_found', 'bad_request', 'too_large'])(
  '%s is final: the promise rejects with code and remedy, and the next message goes',
  async (code) => {
    const { client, connected, told } = makeScriptedClient();
    const connection = await connected();
    const outcome = expect(client.send(toBob('one'))).rejects.toMatchObject({
      code,
      remedy: 'Do something.',
    });
    void client.send(toBob('two'));
    await flush();
    await connection.reply(connection.take('send'), error(code));
    await outcome;
    expect(told.failed).toMatchObject([{ send: { content: 'one' }, error: { code } }]);
    expect(connection.take('send').content).toBe('two');
  },
);

test('the reply was lost, and the catch-up shows the message: it is confirmed and not sent again', async () => {
  const { client, clock, connected, admit, told } = makeScriptedClient();
  const first = await connected();
  const sending = client.send(toBob('one'));
  await flush();
  const request = first.take('send');
  await first.cut();
  await clock.advance(500);
  const second = await admit([[sent(request, 1).message as never]]);
  expect(await sending).toMatchObject({ seq: 1, clientMessageId: 'id-1' });
  expect(second.actions()).toEqual([]);
  expect(told.message).toHaveLength(1);
});

test('the send was lost: after the catch-up, which does not show it, the same goes out again before later ones', async () => {
  const { client, clock, connected, gateway } = makeScriptedClient();
  const first = await connected();
  void client.send(toBob('one'));
  await flush();
  await first.cut();
  void client.send(toBob('two'));
  void client.send({ recipientId: 'carol', content: 'hi' });
  await clock.advance(500);
  const second = gateway.next();
  await second.open();
  expect(second.take('send').content).toBe('hi');
  expect(second.actions()).toEqual(['reconnect']);
  const request = second.take('reconnect');
  await second.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  expect(second.take('send')).toMatchObject({ content: 'one', clientMessageId: 'id-1' });
  expect(second.actions()).toEqual([]);
});

test("another message of one's own with the same text confirms nothing", async () => {
  const { client, connected } = makeScriptedClient();
  const connection = await connected();
  void client.send(toBob('one'));
  await flush();
  const own = { senderId: 'alice', recipientId: 'bob', content: 'one', clientMessageId: 'of another device' };
  await connection.push({ type: 'message.new', messageId: 'm-1', message: message(1, own) });
  expect(client.queued()).toHaveLength(1);
});

test('without an answer the same is sent again; the connection stays if anything else comes over it', async () => {
  const { client, clock, connected } = makeScriptedClient();
  const connection = await connected();
  void client.send(toBob('one'));
  await clock.advance(10_000);
  const unanswered = connection.take('send');
  await connection.push({ type: 'receipt', conversationId: 'c', userId: 'bob', deliveredSeq: 1, readSeq: 1 });
  await clock.advance(6_000);
  expect(connection.isClosed()).toBe(false);
  const again = connection.take('send');
  expect(again.clientMessageId).toBe(unanswered.clientMessageId);
  expect(again.requestId).not.toBe(unanswered.requestId);
});

test("API Gateway's own error frame makes every open request ask again", async () => {
  const { client, clock, connected } = makeScriptedClient();
  const connection = await connected();
  void client.send(toBob('one'));
  void client.history({ conversationId: 'c' });
  await flush();
  for (const action of connection.actions()) connection.take(action);
  await connection.push({ message: 'Internal server error', connectionId: 'x', requestId: 'y' });
  await clock.advance(1_000);
  expect(connection.actions().sort()).toEqual(['history', 'send']);
});

test('unauthenticated: a fresh token, another connection, and the same again', async () => {
  const asked: boolean[] = [];
  const { client, clock, connected, admit, told } = makeScriptedClient({
    getToken({ fresh }) {
      asked.push(fresh);
      return 'a.b.c';
    },
  });
  const first = await connected();
  const sending = client.send(toBob('one'));
  await flush();
  await first.reply(first.take('send'), error('unauthenticated'));
  expect(told.state.at(-1)?.reason).toBe('token_expired');
  await clock.advance(500);
  const second = await admit();
  expect(asked).toEqual([false, true]);
  const again = second.take('send');
  await second.reply(again, sent(again, 1));
  expect(await sending).toMatchObject({ clientMessageId: 'id-1' });
});

test('the same clientMessageId while it is queued is the same message; with other content it is refused', async () => {
  const { client, connected } = makeScriptedClient();
  const connection = await connected();
  const outgoing = { recipientId: 'bob', content: 'one', clientMessageId: 'mine' };
  const both = [client.send(outgoing), client.send(outgoing)];
  await expect(client.send({ ...outgoing, content: 'two' })).rejects.toMatchObject({ code: 'duplicate_id' });
  expect(connection.actions()).toEqual(['send']);
  const request = connection.take('send');
  await connection.reply(request, sent(request, 1));
  expect((await Promise.all(both)).map(({ seq }) => seq)).toEqual([1, 1]);
});

test.each([
  [{ recipientId: 'bob', content: '' }, 'bad_request'],
  [{ content: 'hi' }, 'bad_request'],
  [{ recipientId: 'bob', conversationId: 'c', content: 'hi' }, 'bad_request'],
  [{ recipientId: 'bob', content: 'hi', clientMessageId: 'ä' }, 'bad_request'],
  [{ recipientId: 'bob', content: '\ud800' }, 'bad_request'],
  [{ recipientId: 'bob', content: 'ä'.repeat(8_193) }, 'too_large'],
  [{ recipientId: 'bob', content: '\u0001'.repeat(5_167) }, 'too_large'],
])('what could never be sent is refused at once: case %#', async (outgoing, code) => {
  const { client } = makeScriptedClient();
  await expect(client.send(outgoing)).rejects.toMatchObject({ code });
  expect(client.queued()).toEqual([]);
});

test('the largest content is sent', async () => {
  const { client, connected } = makeScriptedClient();
  const connection = await connected();
  void client.send(toBob('ä'.repeat(8_192)));
  void client.send({ recipientId: 'carol', content: '\u0001'.repeat(5_166) });
  await flush();
  expect(connection.actions()).toEqual(['send', 'send']);
});

test('with a storage, what is unconfirmed survives a restart, in order, and goes out after the catch-up', async () => {
  const storage = makeStorage();
  const before = makeScriptedClient({ storage });
  for (const content of ['one', 'two', 'three']) before.client.send(toBob(content)).catch(() => {});
  const old = await before.connected();
  const request = old.take('send');
  await old.reply(request, sent(request, 1));
  expect(storage.kept().map(({ content }) => content)).toEqual(['two', 'three']);
  before.client.close();
  await flush();

  const { client, connected, told } = makeScriptedClient({
    storage,
    positions: { c: 1 },
    newId: () => 'new',
  });
  void client.send(toBob('four'));
  const connection = await connected();
  for (const [index, content] of ['two', 'three', 'four'].entries()) {
    const next = connection.take('send');
    expect(next.content).toBe(content);
    await connection.reply(next, sent(next, index + 2));
  }
  expect(told.sent.map(({ send }) => send.clientMessageId)).toEqual(['id-2', 'id-3', 'new']);
  expect(storage.kept()).toEqual([]);
});

test('a storage that fails is told, and the message is sent all the same', async () => {
  const broken: OutboxStorage = {
    all: () => [],
    put: () => {
      throw new Error('quota');
    },
    remove: () => Promise.reject(new Error('quota')),
  };
  const { client, connected, told } = makeScriptedClient({ storage: broken });
  const connection = await connected();
  const sending = client.send(toBob('one'));
  await flush();
  const request = connection.take('send');
  await connection.reply(request, sent(request, 1));
  await sending;
  expect(told.error).toMatchObject([{ code: 'storage_failed' }, { code: 'storage_failed' }]);
});

test('reads are told one after the other, and only the highest of those that wait', async () => {
  const { client, connected } = makeScriptedClient();
  const reads = [1, 2, 5, 4].map((seq) => client.read('c', seq));
  const connection = await connected();
  const first = connection.take('read');
  expect(first.seq).toBe(1);
  expect(connection.actions()).toEqual([]);
  await connection.reply(first, { type: 'ok' });
  const second = connection.take('read');
  expect(second.seq).toBe(5);
  await connection.reply(second, { type: 'ok' });
  await Promise.all(reads);
});

test('a request that is not queued gives up when there is no connection in time', async () => {
  const { client, clock } = makeScriptedClient();
  client.connect();
  const outcome = expect(client.conversations()).rejects.toMatchObject({ code: 'offline' });
  await clock.advance(30_000);
  await outcome;
});

test('a request that stays refused gives up with the reason', async () => {
  const { client, clock, connected } = makeScriptedClient();
  const connection = await connected();
  const outcome = expect(client.block('bob')).rejects.toMatchObject({ code: 'unavailable' });
  for (let waited = 0; waited < 40_000; waited += 500) {
    if (connection.actions().includes('block'))
      await connection.reply(connection.take('block'), error('unavailable'));
    await clock.advance(500);
  }
  await outcome;
});

function makeStorage(): OutboxStorage & { kept(): QueuedSend[] } {
  const rows = new Map<string, QueuedSend>();
  return {
    // The storage promises no order.
    all: async () => [...rows.values()].reverse(),
    put: async (send) => void rows.set(send.clientMessageId, send),
    remove: async (clientMessageId) => void rows.delete(clientMessageId),
    kept: () => [...rows.values()],
  };
}
