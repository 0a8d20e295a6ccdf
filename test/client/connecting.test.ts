import { expect, test } from 'vitest';
import { answerCatchUp, makeScriptedClient, message, pushOf } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** 115 minutes and a tenth of jitter, of which the client's random number takes a half. */
const renewalMs = 115 * minuteMs * 0.95;

/** A token that ends `seconds` after the virtual clock's start. */
function tokenFor(seconds: number): string {
  const payload = Buffer.from(JSON.stringify({ exp: 1_750_000_000 + seconds })).toString('base64url');
  return `h.${payload}.s`;
}

test('connecting shows the token as a subprotocol, catches up first, and then tells whether it recovered', async () => {
  const { client, gateway, told } = makeScriptedClient({ getToken: async () => 'x.y.z' });
  expect(client.state()).toBe('disconnected');
  client.connect();
  await flush();
  const connection = gateway.next();
  expect(connection.token).toBe('x.y.z');
  await connection.open();
  expect(connection.actions()).toEqual(['reconnect']);
  expect(client.state()).toBe('connecting');

  const request = connection.take('reconnect');
  expect(request.positions).toEqual({});
  await connection.reply(request, { type: 'reconnect.page', messages: [message(1)] });
  await connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  await flush();

  expect(client.state()).toBe('connected');
  expect(told.state).toEqual([
    { state: 'connecting', previous: 'disconnected', reason: 'connect' },
    { state: 'connected', previous: 'connecting', reason: 'caught_up', recovered: true },
  ]);
});

test('what the server has lost for good is told: recovered is false, and the gap is named', async () => {
  const { told, client, gateway } = makeScriptedClient({ positions: { c: 2 } });
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const request = connection.take('reconnect');
  await connection.reply(request, { type: 'reconnect.page', messages: [message(6), message(7)] });
  await connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  await flush();
  expect(told.gap).toEqual([{ conversationId: 'c', from: 3, to: 5 }]);
  expect(told.message.map(({ seq }) => seq)).toEqual([6, 7]);
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: false });
});

test('a gap that came before the connection was cut again makes recovered false as well', async () => {
  const { client, clock, gateway, told, admit } = makeScriptedClient({ positions: { c: 2 } });
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const page = { type: 'reconnect.page', messages: [message(6)] };
  await connection.reply(connection.take('reconnect'), page);
  await connection.cut();
  await clock.advance(500);
  await admit();
  expect(told.gap).toHaveLength(1);
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: false });
});

test('a lost connection is replaced after a jittered wait, and the positions go with it', async () => {
  const { client, clock, connected, gateway, told, admit } = makeScriptedClient();
  const first = await connected();
  await first.push(pushOf(1));
  await clock.advance(20_000);
  await first.cut(1001);
  expect(client.state()).toBe('connecting');
  expect(told.state.slice(-2)).toEqual([
    { state: 'connecting', previous: 'connected', reason: 'lost', closeCode: 1001 },
    { state: 'connecting', previous: 'connecting', reason: 'lost', closeCode: 1001, retryInMs: 500 },
  ]);
  await clock.advance(499);
  expect(gateway.waiting()).toBe(0);
  await clock.advance(1);
  const second = gateway.next();
  await second.open();
  expect(second.take('reconnect').positions).toEqual({ c: 1 });
  await second.cut();
  await clock.advance(told.state.at(-1)?.retryInMs ?? 0);
  await (await admit()).push(pushOf(1));
  expect(told.message).toHaveLength(1);
});

test('waits grow up to a limit, use their whole range, and begin anew after a connection that lasted', async () => {
  const { client, clock, gateway, told, admit } = makeScriptedClient();
  client.connect();
  await flush();
  for (let attempt = 0; attempt < 7; attempt += 1) {
    await gateway.next().cut();
    await clock.advance(told.state.at(-1)?.retryInMs ?? 0);
  }
  const waits = () => told.state.flatMap(({ retryInMs }) => retryInMs ?? []);
  expect(waits()).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(told.state.at(-1)?.reason).toBe('refused');

  const brief = await admit();
  await brief.cut();
  expect(waits().at(-1)).toBe(15_000);
  await clock.advance(15_000);
  const lasting = await admit();
  await clock.advance(10_000);
  await lasting.cut();
  expect(waits().at(-1)).toBe(500);
});

test('connect while an attempt is waited for makes it at once', async () => {
  const { client, gateway } = makeScriptedClient();
  client.connect();
  await flush();
  await gateway.next().cut();
  expect(gateway.waiting()).toBe(0);
  client.connect();
  await flush();
  expect(gateway.waiting()).toBe(1);
});

test('connect on an open connection gets what no push has told, and silence ends it', async () => {
  const { client, clock, connected, told } = makeScriptedClient();
  const connection = await connected();
  connection.mute();
  client.connect();
  client.connect();
  await answerCatchUp(connection, [[message(1)]]);
  expect(connection.actions()).toEqual(['ack']);
  expect(told.message.map(({ seq }) => seq)).toEqual([1]);
  expect(told.state.at(-1)).toMatchObject({ state: 'connected', recovered: true });
  expect(told.state).toHaveLength(2);
  await connection.reply(connection.take('ack'), { type: 'ok' });

  client.connect();
  await clock.advance(15_000);
  expect(connection.isClosed()).toBe(true);
  expect(told.state.find(({ reason }) => reason === 'silent')).toBeDefined();
  expect(client.state()).toBe('connecting');
});

test('a ping goes out before the idle limit, and only after silence', async () => {
  const { clock, connected } = makeScriptedClient();
  const connection = await connected();
  await clock.advance(3 * minuteMs);
  await connection.push({ type: 'something of a later version' });
  await clock.advance(3 * minuteMs);
  expect(connection.answered()).toHaveLength(0);
  await clock.advance(minuteMs);
  expect(connection.answered()).toHaveLength(1);
  await clock.advance(4 * minuteMs);
  expect(connection.answered()).toHaveLength(2);
});

test('every 15 minutes a connection gets what no push has told, also a busy one', async () => {
  const { clock, connected, told } = makeScriptedClient();
  const connection = await connected();
  connection.mute();
  for (const seq of [1, 2]) {
    for (let minute = 0; minute < 15; minute += 1) {
      expect(connection.actions()).toEqual([]);
      await connection.push({ type: 'something of a later version' });
      await clock.advance(minuteMs);
    }
    await answerCatchUp(connection, [[message(seq)]]);
    await connection.reply(connection.take('ack'), { type: 'ok' });
  }
  expect(told.message.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(told.state).toHaveLength(2);
});

test('a connection that ends in the very moment in which it has caught up is replaced', async () => {
  const { client, gateway, clock, told } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  await connection.open();
  const request = connection.take('reconnect');
  void connection.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  await connection.cut();
  expect(told.state.map(({ state }) => state)).not.toContain('connected');
  await clock.advance(500);
  expect(gateway.waiting()).toBe(1);
});

test('disconnect closes and stays closed; connect begins again with the positions', async () => {
  const { client, clock, connected, gateway, told } = makeScriptedClient();
  const first = await connected();
  await first.push(pushOf(1));
  client.disconnect();
  expect(first.isClosed()).toBe(true);
  expect(told.state.at(-1)).toEqual({ state: 'disconnected', previous: 'connected', reason: 'disconnect' });
  await first.cut(1000);
  await clock.advance(hourMs);
  expect(gateway.waiting()).toBe(0);
  expect(told.state).toHaveLength(3);
  client.connect();
  await flush();
  const second = gateway.next();
  await second.open();
  expect(second.take('reconnect').positions).toEqual({ c: 1 });
});

test('disconnect during a handshake leaves nothing behind', async () => {
  const { client, clock, gateway } = makeScriptedClient();
  client.connect();
  await flush();
  const connection = gateway.next();
  client.disconnect();
  await connection.open();
  expect(connection.isClosed()).toBe(true);
  expect(connection.actions()).toEqual([]);
  await clock.advance(hourMs);
  expect(gateway.waiting()).toBe(0);
  expect(clock.pending()).toBe(0);
});

test('a connection is replaced before its two hours are over, and the old one lives until the new one has caught up', async () => {
  const { client, clock, connected, gateway, told } = makeScriptedClient();
  const first = await connected();
  await clock.advance(renewalMs);
  const second = gateway.next();
  await second.open();
  expect(first.isClosed()).toBe(false);
  await first.push(pushOf(1));
  await second.push(pushOf(1));
  const request = second.take('reconnect');
  await second.reply(request, { type: 'reconnect.page', messages: [message(1), message(2)] });
  await second.reply(request, { type: 'reconnect.done', conversations: [], more: false });
  await flush();
  expect(told.message.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(first.isClosed()).toBe(true);
  expect(second.isClosed()).toBe(false);
  expect(client.state()).toBe('connected');
  expect(told.state).toHaveLength(2);
});

test('what is under way on the old connection is awaited before it is closed', async () => {
  const { client, clock, connected, admit } = makeScriptedClient({ connectionLifeMs: 10_000 });
  const first = await connected();
  const page = client.history({ conversationId: 'c' });
  await clock.advance(10_000);
  const second = await admit();
  expect(first.isClosed()).toBe(false);
  const answer = { type: 'history.page', conversationId: 'c', messages: [message(1)], more: false };
  await first.reply(first.take('history'), answer);
  expect((await page).messages).toHaveLength(1);
  expect(first.isClosed()).toBe(true);
  expect(second.isClosed()).toBe(false);
});

test('if the replacement fails, the old connection goes on and it is tried again', async () => {
  const { client, clock, connected, gateway, told } = makeScriptedClient();
  const first = await connected();
  await clock.advance(renewalMs);
  await gateway.next().cut();
  expect(client.state()).toBe('connected');
  await first.push(pushOf(1));
  expect(told.message).toHaveLength(1);
  await clock.advance(1_000);
  expect(gateway.waiting()).toBe(1);
  expect(told.state).toHaveLength(2);
});

test('if the old connection ends while the new one catches up, requests go by the new one', async () => {
  const { client, clock, connected, gateway, told } = makeScriptedClient();
  const first = await connected();
  await clock.advance(renewalMs);
  const second = gateway.next();
  await second.open();
  await first.cut(1001);
  expect(told.state.at(-1)).toMatchObject({ state: 'connecting', reason: 'lost' });
  void client.send({ recipientId: 'bob', content: 'hi' });
  await flush();
  expect(second.actions()).toEqual(['reconnect', 'send']);
  await second.reply(second.take('reconnect'), { type: 'reconnect.done', conversations: [], more: false });
  expect(client.state()).toBe('connected');
});

test('a connection is replaced before its token ends, by one with a fresh token', async () => {
  const asked: boolean[] = [];
  const { clock, connected, gateway } = makeScriptedClient({
    getToken({ fresh }) {
      asked.push(fresh);
      return tokenFor(asked.length * 600);
    },
  });
  await connected();
  await clock.advance(539_000);
  expect(gateway.waiting()).toBe(0);
  await clock.advance(1_000);
  expect(gateway.next().token).toBe(tokenFor(1_200));
  expect(asked).toEqual([false, true]);
});

test('a token that lasts a few seconds only is replaced in time as well', async () => {
  const { clock, connected, gateway } = makeScriptedClient({ getToken: () => tokenFor(8) });
  await connected();
  await clock.advance(5_999);
  expect(gateway.waiting()).toBe(0);
  await clock.advance(1);
  expect(gateway.waiting()).toBe(1);
});

test('a token that this clock takes for expired is left to the server to judge', async () => {
  const { clock, connected, gateway } = makeScriptedClient({ getToken: () => tokenFor(-50) });
  await connected();
  await clock.advance(hourMs);
  expect(gateway.waiting()).toBe(0);
});

test('after a refused handshake a fresh token is asked for', async () => {
  const asked: boolean[] = [];
  const { client, clock, gateway } = makeScriptedClient({
    getToken({ fresh }) {
      asked.push(fresh);
      return 'a.b.c';
    },
  });
  client.connect();
  await flush();
  await gateway.next().cut();
  await clock.advance(1_000);
  expect(asked).toEqual([false, true]);
});

test('getToken that fails is told, and asked again', async () => {
  let calls = 0;
  const { client, clock, gateway, told } = makeScriptedClient({
    getToken() {
      calls += 1;
      if (calls === 1) throw new Error('signed out');
      return 'a.b.c';
    },
  });
  client.connect();
  await flush();
  expect(told.error[0]).toMatchObject({ code: 'token_failed', cause: new Error('signed out') });
  expect(told.state.at(-1)).toMatchObject({ reason: 'token_failed', retryInMs: 500 });
  await clock.advance(500);
  expect(gateway.waiting()).toBe(1);
});

test.each([undefined, '', '<!doctype html>', 'two words'])(
  'what getToken gives is %o, which is no token: that is told, and it is asked again',
  async (token) => {
    const { client, told, clock, gateway, admit } = makeScriptedClient({
      getToken: ({ fresh }) => (fresh ? 'a.b.c' : (token as string)),
    });
    client.connect();
    await flush();
    expect(told.error).toMatchObject([{ code: 'token_failed' }]);
    expect(told.state.at(-1)).toMatchObject({ state: 'connecting', reason: 'token_failed' });
    expect(gateway.waiting()).toBe(0);
    await clock.advance(500);
    await admit();
    expect(told.state.at(-1)).toMatchObject({ state: 'connected' });
  },
);

test.each([{ url: 'https://example.test/stage' }, { url: '/stage' }, { WebSocket: null as never }])(
  'options that can never connect are refused at once: %o',
  (options) => {
    expect(() => makeScriptedClient(options)).toThrow(expect.objectContaining({ code: 'bad_options' }));
  },
);

test('an option that is undefined is one that was not given', async () => {
  const { clock, connected } = makeScriptedClient({ pingIntervalMs: undefined, maxQueued: undefined });
  const connection = await connected();
  await clock.advance(3 * minuteMs);
  expect(connection.answered()).toHaveLength(0);
  await clock.advance(minuteMs);
  expect(connection.answered()).toMatchObject([{ action: 'ping' }]);
});

test('a WebSocket that refuses to be made is told for what it is, and tried again', async () => {
  let attempts = 0;
  const { client, clock, told } = makeScriptedClient({
    WebSocket: class {
      constructor() {
        attempts += 1;
        throw new DOMException('The policy of this page forbids it.', 'SecurityError');
      }
    } as never,
  });
  client.connect();
  await flush();
  expect(told.error).toMatchObject([
    { code: 'bad_options', remedy: expect.stringContaining('options'), cause: { name: 'SecurityError' } },
  ]);
  expect(told.state.at(-1)).toMatchObject({ state: 'connecting', reason: 'refused' });
  await clock.advance(500);
  expect(attempts).toBe(2);
  client.close();
});

test('a handshake that is never answered is given up', async () => {
  const { client, clock, gateway, told } = makeScriptedClient();
  client.connect();
  await flush();
  const silent = gateway.next();
  await clock.advance(15_000);
  expect(silent.isClosed()).toBe(true);
  expect(told.state.at(-1)?.reason).toBe('refused');
  await silent.open();
  expect(silent.actions()).toEqual([]);
});

test('close rejects what waits, and nothing works afterwards', async () => {
  const { client, clock } = makeScriptedClient();
  const waiting = [
    client.send({ recipientId: 'bob', content: 'hi' }),
    client.read('c', 1),
    client.history({ conversationId: 'c' }),
  ];
  const outcomes = Promise.allSettled(waiting);
  client.close();
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
  await expect(client.conversations()).rejects.toMatchObject({ code: 'closed' });
  await clock.advance(hourMs);
  expect(clock.pending()).toBe(0);
});
