import { expect } from 'vitest';
import { history, pushed, refused, sendMany, sendTo, wholeHistory } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import type { Message } from './support/shapes.ts';

const { test, live } = contract('history');

async function conversationOf(count: number, content?: (index: number) => string) {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const sent = await sendMany(a, bob, count, content);
  return { alice, bob, a, b, sent, conversationId: sent[0]?.conversationId ?? '' };
}

/** From the newest to the oldest by `before`. */
async function walkDown(client: Client, conversationId: string, limit: number): Promise<Message[]> {
  let messages: Message[] = [];
  for (;;) {
    const before = messages[0]?.seq;
    const page = await history(client, conversationId, before === undefined ? { limit } : { limit, before });
    messages = [...page.messages, ...messages];
    if (!page.more) {
      return messages;
    }
    expect(page.messages).not.toEqual([]);
  }
}

test('without a cursor history gives the newest, 50 of them, ascending', async () => {
  const { b, sent, conversationId } = await conversationOf(60);
  expect(await history(b, conversationId)).toEqual({ messages: sent.slice(10), more: true });
});

test('a page that reaches the first message has nothing more', async () => {
  const { b, sent, conversationId } = await conversationOf(50);
  expect(await history(b, conversationId)).toEqual({ messages: sent, more: false });
});

test('limit is 1 to 100', async () => {
  const { b, sent, conversationId } = await conversationOf(101);
  expect(await history(b, conversationId, { limit: 1 })).toEqual({ messages: sent.slice(100), more: true });
  expect(await history(b, conversationId, { limit: 100 })).toEqual({ messages: sent.slice(1), more: true });
  for (const limit of [0, 101, -1, 1.5]) {
    const refusal = await refused(b, { action: 'history', conversationId, limit }, 'bad_request');
    expect(refusal.message).toContain('limit');
  }
});

test('before is exclusive, and more tells of older ones', async () => {
  const { b, sent, conversationId } = await conversationOf(10);
  expect(await history(b, conversationId, { before: 8, limit: 3 })).toEqual({
    messages: sent.slice(4, 7),
    more: true,
  });
  expect(await history(b, conversationId, { before: 4, limit: 3 })).toEqual({
    messages: sent.slice(0, 3),
    more: false,
  });
  expect(await history(b, conversationId, { before: 3, limit: 3 })).toEqual({
    messages: sent.slice(0, 2),
    more: false,
  });
  expect(await history(b, conversationId, { before: 2 })).toEqual({
    messages: sent.slice(0, 1),
    more: false,
  });
});

test('before 1 there is nothing', async () => {
  const { b, conversationId } = await conversationOf(3);
  expect(await history(b, conversationId, { before: 1 })).toEqual({ messages: [], more: false });
});

test('before a seq that does not exist yet are the newest', async () => {
  const { b, sent, conversationId } = await conversationOf(3);
  for (const before of [4, 5, 1000, Number.MAX_SAFE_INTEGER]) {
    expect(await history(b, conversationId, { before, limit: 2 })).toEqual({
      messages: sent.slice(1),
      more: true,
    });
  }
});

test('after is exclusive, and more tells of newer ones', async () => {
  const { b, sent, conversationId } = await conversationOf(10);
  expect(await history(b, conversationId, { after: 2, limit: 3 })).toEqual({
    messages: sent.slice(2, 5),
    more: true,
  });
  expect(await history(b, conversationId, { after: 7, limit: 3 })).toEqual({
    messages: sent.slice(7),
    more: false,
  });
  expect(await history(b, conversationId, { after: 8, limit: 3 })).toEqual({
    messages: sent.slice(8),
    more: false,
  });
});

test('after 0 is from the start', async () => {
  const { b, sent, conversationId } = await conversationOf(60);
  expect(await history(b, conversationId, { after: 0 })).toEqual({ messages: sent.slice(0, 50), more: true });
});

test('after the last seq, or one that does not exist yet, there is nothing', async () => {
  const { b, conversationId } = await conversationOf(3);
  for (const after of [3, 4, 1000, Number.MAX_SAFE_INTEGER]) {
    expect(await history(b, conversationId, { after })).toEqual({ messages: [], more: false });
  }
});

test('both members see the same history', async () => {
  const { alice, a, b, conversationId } = await conversationOf(3);
  await sendMany(b, alice, 3);
  const [ofA, ofB] = [await wholeHistory(a, conversationId), await wholeHistory(b, conversationId)];
  expect(ofA).toEqual(ofB);
  expect(ofA.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('walking up or down by any step gives every message once', async () => {
  const { a, b, sent, conversationId } = await conversationOf(25);
  for (const limit of [1, 7, 24, 25, 26]) {
    expect(await walkDown(b, conversationId, limit)).toEqual(sent);
  }
  expect(await wholeHistory(a, conversationId)).toEqual(sent);
});

test('a page that is cut by bytes keeps the side nearest the cursor', async () => {
  const { b, sent, conversationId } = await conversationOf(8, (index) => `${index} ${'x'.repeat(10_000)}`);
  const up = await history(b, conversationId, { after: 2, limit: 100 });
  expect(up.more).toBe(true);
  expect(up.messages.length).toBeGreaterThan(0);
  expect(up.messages).toEqual(sent.slice(2, 2 + up.messages.length));

  const down = await history(b, conversationId, { before: 7, limit: 100 });
  expect(down.more).toBe(true);
  expect(down.messages.length).toBeGreaterThan(0);
  expect(down.messages).toEqual(sent.slice(6 - down.messages.length, 6));

  const newest = await history(b, conversationId, { limit: 100 });
  expect(newest.more).toBe(true);
  expect(newest.messages.length).toBeGreaterThan(0);
  expect(newest.messages).toEqual(sent.slice(8 - newest.messages.length));
});

test('a history of large messages can be walked both ways', async () => {
  const { b, sent, conversationId } = await conversationOf(9, (index) => `${index}`.repeat(16_384));
  expect(await wholeHistory(b, conversationId)).toEqual(sent);
  expect(await walkDown(b, conversationId, 100)).toEqual(sent);
});

test('history fills a gap', async () => {
  const { bob, a, b, sent, conversationId } = await conversationOf(7);
  const latest = await sendTo(a, bob);
  await pushed(b, latest);
  const [position, seen] = [3, latest.seq];
  const { messages } = await history(b, conversationId, { after: position, limit: seen - position - 1 });
  expect(messages).toEqual(sent.slice(3));
});

test('history of a conversation that the caller is not in is not_found', async () => {
  const { conversationId } = await conversationOf(1);
  const stranger = await live(newUser('stranger'));
  await refused(stranger, { action: 'history', conversationId }, 'not_found');
  await refused(stranger, { action: 'history', conversationId: 'nowhere' }, 'not_found');
});
