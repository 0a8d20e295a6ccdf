import { expect } from 'vitest';
import { conversations, history, ok, pushed, reconnect, refused, sendTo } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser, settle } from './support/contract.ts';
import type { Frame } from './support/inbox.ts';

const SECRET = 'the code is 4711';

const { test, live } = contract('privacy');

async function withStranger() {
  const [alice, bob, mallory] = [newUser('alice'), newUser('bob'), newUser('mallory')];
  const [a, b, m] = [await live(alice), await live(bob), await live(mallory)];
  const message = await sendTo(a, bob, SECRET);
  await pushed(b, message);
  return { alice, bob, mallory, a, b, m, message };
}

/** Asserts that nothing on a connection tells of other users' messages. */
function expectNothingOf(client: Client, ...words: string[]) {
  const all = JSON.stringify(client.received);
  for (const word of words) {
    expect(all).not.toContain(word);
  }
}

test('who is no member gets nothing of a conversation, by any request', async () => {
  const { m, message } = await withStranger();
  const { conversationId, messageId, sentAt } = message;
  const requests: Frame[] = [
    { action: 'send', conversationId, content: 'let me in' },
    { action: 'ack', positions: { [conversationId]: 1 } },
    { action: 'read', conversationId, seq: 1 },
    { action: 'history', conversationId },
    { action: 'history', conversationId, after: 0 },
    { action: 'history', conversationId, before: 2 },
  ];
  for (const request of requests) {
    await refused(m, request, 'not_found');
  }
  expect((await reconnect(m)).messages).toEqual([]);
  expect((await reconnect(m, { positions: { [conversationId]: 0 } })).messages).toEqual([]);
  expect((await reconnect(m, { positions: { [conversationId]: 0 }, only: true })).conversations).toEqual([]);
  expect(await conversations(m)).toEqual({ conversations: [] });
  await settle();
  expectNothingOf(m, SECRET, messageId, sentAt);
});

test('a stranger changes nothing of a conversation', async () => {
  const { a, m, message } = await withStranger();
  const { conversationId } = message;
  await refused(m, { action: 'ack', positions: { [conversationId]: 1 } }, 'not_found');
  await refused(m, { action: 'send', conversationId, content: 'x' }, 'not_found');
  expect((await history(a, conversationId)).messages).toEqual([message]);
  expect((await conversations(a)).conversations).toMatchObject([{ lastSeq: 1, deliveredSeq: 0, readSeq: 0 }]);
});

test('a conversation with each of two people keeps them apart', async () => {
  const { alice, a, bob, b, mallory, m } = await withStranger();
  const toMallory = await sendTo(a, mallory, 'for mallory');
  expect((await reconnect(m)).messages).toEqual([toMallory]);
  expect((await reconnect(b)).messages.map(({ content }) => content)).toEqual([SECRET]);
  expectNothingOf(m, SECRET, bob);
  expectNothingOf(b, 'for mallory', mallory);
  expect(alice).not.toBe(mallory);
});

test('the sender is who the token says, whatever a frame says', async () => {
  const { bob, m } = await withStranger();
  for (const field of ['senderId', 'sender', 'from', 'userId', 'sub']) {
    const reply = await refused(
      m,
      { action: 'send', recipientId: bob, content: 'x', [field]: bob },
      'bad_request',
    );
    expect(reply.message).toContain(field);
  }
  expect((await sendTo(m, bob)).senderId).toContain('mallory');
});

test('neither seq, messageId nor sentAt can be set by a client', async () => {
  const { alice, b } = await withStranger();
  const fields = { seq: 7, messageId: 'x', sentAt: '2020-01-01T00:00:00.000Z', duplicate: true };
  for (const [name, value] of Object.entries(fields)) {
    const request = { action: 'send', recipientId: alice, content: 'x', [name]: value };
    expect((await refused(b, request, 'bad_request')).message).toContain(name);
  }
});

test('an error holds nothing of the content that it is about', async () => {
  const { alice, bob, a } = await withStranger();
  const base = { action: 'send', recipientId: bob, content: SECRET };
  const replies = [
    await refused(a, { ...base, colour: 'x' }, 'bad_request'),
    await refused(a, { ...base, clientMessageId: 7 }, 'bad_request'),
    await refused(a, { ...base, recipientId: alice }, 'bad_request'),
    await refused(a, { ...base, content: SECRET.repeat(2000) }, 'too_large'),
    await refused(a, { action: 'send', conversationId: 'nowhere', content: SECRET }, 'not_found'),
    await refused(a, { ...base, content: [SECRET] }, 'bad_request'),
  ];
  await ok(a, { action: 'block', userId: bob });
  replies.push(await refused(a, base, 'forbidden'));
  for (const { message, remedy } of replies) {
    expect(`${message} ${remedy}`).not.toContain(SECRET);
  }
});

test('a frame that is no JSON is not echoed', async () => {
  const { a } = await withStranger();
  const reply = await a.exchange(`{"action":"send","content":"${SECRET}"`);
  expect(reply.code).toBe('bad_request');
  expect(JSON.stringify(reply)).not.toContain(SECRET);
});

test('blocking somebody does not show whether they exist', async () => {
  const { bob, m } = await withStranger();
  const [known, unknown] = [
    await m.request({ action: 'block', userId: bob, requestId: 'x' }),
    await m.request({ action: 'block', userId: newUser('nobody'), requestId: 'x' }),
  ];
  expect(known).toEqual(unknown);
});
