import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Stack, startStack } from '#localstack/stack.ts';
import { UNTHROTTLED } from '#test/contract/support/target.ts';
import { lastPart, messageValidators, readAsyncApi } from './support/asyncapi.ts';

type Frame = Readonly<Record<string, unknown>>;

const waitMs = 30_000;
const document = readAsyncApi();
const validators = messageValidators(document);
/** So low that a few sends in a row reach it. */
const few = { burst: 12, refillPerSecond: 1 };
const inbound: Frame[] = [];
const outbound: Frame[] = [];
const closeCodes = new Set<string>();
let requests = 0;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    environment: { RATE_LIMITS: JSON.stringify({ ...UNTHROTTLED, messagesPerUser: few }) },
  });
  await record();
}, 120_000);
afterAll(async () => await stack.stop(), 60_000);

const newUser = (name: string) => `${name}-${randomBytes(6).toString('hex')}`;

/** A connection of which everything is recorded. */
async function open(user: string, ttlSeconds?: number) {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user, ttlSeconds)}`]);
  const received: Frame[] = [];
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    received.push(frame);
    outbound.push(frame);
  });
  const closed = new Promise<void>((resolve) =>
    socket.on('close', (code) => {
      closeCodes.add(String(code));
      resolve();
    }),
  );
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    socket,
    closed,
    async waitFor(isIt: (frame: Frame) => boolean): Promise<Frame> {
      for (let waited = 0; waited < waitMs; waited += 20) {
        const frame = received.find(isIt);
        if (frame) return frame;
        await sleep(20);
      }
      throw new Error(`It never came; there are ${JSON.stringify(received)}`);
    },
    /** Sends a request and waits for its last reply; `isValid` false for one that the document must refuse. */
    async ask(fields: Frame, isValid = true): Promise<Frame> {
      requests += 1;
      const frame = { ...fields, requestId: String(requests) };
      if (isValid) inbound.push(frame);
      socket.send(JSON.stringify(frame));
      return await this.waitFor(
        ({ type, requestId }) => requestId === frame.requestId && type !== 'reconnect.page',
      );
    },
  };
}

/** Everything that the protocol can do, once. */
async function record(): Promise<void> {
  const [aliceId, bobId, carolId] = [newUser('alice'), newUser('bob'), newUser('carol')];
  const [alice, bob] = [await open(aliceId), await open(bobId)];
  const { epoch } = await alice.ask({ action: 'reconnect' });
  await bob.ask({ action: 'reconnect', positions: {}, only: true });
  const greeting = { action: 'send', recipientId: bobId, content: 'Grüße 😀\n', clientMessageId: 'one' };
  const { message } = (await alice.ask(greeting)) as { message: { conversationId: string } };
  const { conversationId } = message;
  await alice.ask(greeting);
  await bob.waitFor(({ type }) => type === 'message.new');
  await bob.ask({ action: 'ack', positions: { [conversationId]: 1 } });
  await alice.waitFor(({ type }) => type === 'receipt');
  await bob.ask({ action: 'read', conversationId, seq: 1 });
  await bob.ask({ action: 'send', conversationId, content: 'hello' });
  await alice.ask({ action: 'send', recipientId: carolId, content: 'x'.repeat(16_384) });
  await alice.ask({ action: 'history', conversationId, before: 2, limit: 1 });
  await alice.ask({ action: 'history', conversationId, after: 0 });
  const { cursor } = await alice.ask({ action: 'conversations', limit: 1 });
  await alice.ask({ action: 'conversations', cursor });
  await alice.ask({ action: 'reconnect', positions: {} });
  await alice.ask({ action: 'reconnect', positions: { [conversationId]: 1 }, epoch });
  await alice.ask({ action: 'reconnect', epoch: 'of another life' });
  await alice.ask({ action: 'ping' });
  await bob.ask({ action: 'block', userId: aliceId });
  await alice.ask({ action: 'send', conversationId, content: 'forbidden' });
  await bob.ask({ action: 'unblock', userId: aliceId });
  await alice.ask({ action: 'history', conversationId: 'there is none' });
  await alice.ask({ action: 'transmit' }, false);
  await alice.ask({ action: 'send', recipientId: bobId, content: 'x'.repeat(16_385) }, false);
  bob.socket.send('not JSON');
  await bob.waitFor(({ type, requestId }) => type === 'error' && requestId === undefined);
  let answer: Frame = {};
  for (let sends = 0; answer.code !== 'rate_limited' && sends < 100; sends += 1)
    answer = await alice.ask({ action: 'send', conversationId, content: 'again' });
  await recordEndings(carolId);
  alice.socket.close(1000);
  bob.socket.close(1000);
  await Promise.all([alice.closed, bob.closed]);
}

/** The ways in which the server closes a connection. */
async function recordEndings(user: string): Promise<void> {
  const [binary, large, expiring] = [await open(user), await open(user), await open(user, 3)];
  binary.socket.send(Buffer.from('{}'), { binary: true });
  large.socket.send(JSON.stringify({ action: 'ping', requestId: 'x'.repeat(40_000) }));
  await sleep(3_500);
  await expiring.ask({ action: 'ping' });
  await Promise.all([binary.closed, large.closed, expiring.closed]);
}

test('every request of the run is what the document describes', () => {
  for (const frame of inbound) {
    const validate = validators.get(String(frame.action));
    expect(validate?.(frame), `${JSON.stringify(frame)} ${JSON.stringify(validate?.errors)}`).toBe(true);
  }
});

test('every frame that the server sent is what the document describes', () => {
  expect(outbound.length).toBeGreaterThan(30);
  for (const frame of outbound) {
    const validate = validators.get(String(frame.type));
    expect(validate?.(frame), `${JSON.stringify(frame)} ${JSON.stringify(validate?.errors)}`).toBe(true);
  }
});

test('the run has met every message of the document, and every error that a client can bring about', () => {
  const met = new Set([...inbound, ...outbound].map(({ action, type }) => action ?? type));
  expect([...met].sort()).toEqual([...validators.keys()].sort());
  const codes = new Set(outbound.flatMap(({ code }) => code ?? []));
  expect([...codes].sort()).toEqual(
    [
      'bad_request',
      'epoch_changed',
      'forbidden',
      'not_found',
      'rate_limited',
      'too_large',
      'unauthenticated',
    ].sort(),
  );
});

test('every reply is one that the document names for its request', () => {
  const replies = new Map(
    Object.values(document.operations).flatMap(({ messages, reply }) =>
      messages.map((request) => [lastPart(request), reply?.messages.map(lastPart)]),
    ),
  );
  for (const { action, requestId } of inbound) {
    const types = outbound.flatMap((frame) => (frame.requestId === requestId ? [frame.type] : []));
    expect(types).not.toEqual([]);
    for (const type of types) expect(replies.get(String(action)), `of ${String(action)}`).toContain(type);
  }
});

test('every close code of the run is in the document', () => {
  const documented = Object.keys(document.channels.connection['x-close-codes']);
  const byServer = [...closeCodes].filter((code) => code !== '1000');
  expect(byServer.sort()).toEqual(['1003', '1008', '1009']);
  expect(documented).toEqual(expect.arrayContaining(byServer));
});
