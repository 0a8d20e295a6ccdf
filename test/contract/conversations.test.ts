import { expect } from 'vitest';
import { conversations, ok, refused, send, sendMany, sendTo, summaryOf } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import type { Message, Summary } from './support/shapes.ts';

const { test, live } = contract('conversations');

/** A user who has written to `count` people, one after the other. */
async function userWith(count: number) {
  const user = newUser();
  const client = await live(user);
  const sent: Message[] = [];
  for (let index = 0; index < count; index += 1) {
    sent.push(await sendTo(client, newUser(`peer${index}`)));
  }
  return { user, client, sent, newestFirst: sent.map(({ conversationId }) => conversationId).reverse() };
}

async function allPages(client: Client, limit: number): Promise<Summary[][]> {
  const pages: Summary[][] = [];
  let cursor: string | undefined;
  do {
    const page = await conversations(client, cursor === undefined ? { limit } : { limit, cursor });
    pages.push([...page.conversations]);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}

const idsOf = (summaries: readonly Summary[]) => summaries.map(({ conversationId }) => conversationId);

test('a user without conversations gets an empty page without a cursor', async () => {
  const client = await live(newUser());
  expect(await conversations(client)).toEqual({ conversations: [] });
});

test('a conversation is shown with its members, its numbers and its last message', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const sent = await sendMany(a, bob, 3);
  const { conversationId = '', sentAt = '' } = sent.at(-1) ?? {};
  await ok(b, { action: 'ack', positions: { [conversationId]: 2 } });
  await ok(b, { action: 'read', conversationId, seq: 1 });
  const common = { conversationId, lastSeq: 3, lastMessageAt: sentAt };
  const ofBob = await summaryOf(b, conversationId);
  expect({ ...ofBob, members: [...ofBob.members].sort() }).toEqual({
    ...common,
    members: [alice, bob].sort(),
    deliveredSeq: 2,
    readSeq: 1,
    unread: 2,
  });
  const ofAlice = await summaryOf(a, conversationId);
  expect({ ...ofAlice, members: [...ofAlice.members].sort() }).toEqual({
    ...common,
    members: [alice, bob].sort(),
    deliveredSeq: 0,
    readSeq: 0,
    unread: 0,
  });
});

test('own messages are not unread, also between those of the other', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const { conversationId } = await sendTo(a, bob);
  await sendTo(b, alice);
  await sendMany(a, bob, 2);
  await sendTo(b, alice);
  const unread = async (client: Client) => (await summaryOf(client, conversationId)).unread;
  expect([await unread(a), await unread(b)]).toEqual([2, 3]);

  const expected = [2, 2, 1, 0, 0];
  for (const [index, count] of expected.entries()) {
    await ok(b, { action: 'read', conversationId, seq: index + 1 });
    expect(await unread(b), `read up to ${index + 1}`).toBe(count);
  }
  await ok(a, { action: 'read', conversationId, seq: 2 });
  expect(await unread(a)).toBe(1);
  await ok(a, { action: 'read', conversationId, seq: 5 });
  expect(await unread(a)).toBe(0);
  await sendTo(a, bob);
  expect([await unread(a), await unread(b)]).toEqual([0, 1]);
});

test('an ack does not make messages read', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const [first] = await sendMany(a, bob, 2);
  const conversationId = first?.conversationId ?? '';
  await ok(b, { action: 'ack', positions: { [conversationId]: 2 } });
  expect((await summaryOf(b, conversationId)).unread).toBe(2);
});

test('unread counts exactly in a long conversation of both', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const senders: string[] = [];
  let conversationId = '';
  for (let index = 0; index < 80; index += 1) {
    const fromAlice = (index * 7) % 3 !== 0;
    const message = fromAlice ? await sendTo(a, bob) : await sendTo(b, alice);
    senders.push(message.senderId);
    conversationId = message.conversationId;
  }
  for (const seq of [1, 40, 41, 79]) {
    await ok(b, { action: 'read', conversationId, seq });
    const unread = senders.slice(seq).filter((sender) => sender === alice).length;
    expect((await summaryOf(b, conversationId)).unread, `read up to ${seq}`).toBe(unread);
  }
});

test('the newest conversation comes first', async () => {
  const { client, newestFirst } = await userWith(5);
  expect(idsOf((await conversations(client)).conversations)).toEqual(newestFirst);
});

test('a new message brings its conversation to the top, for both members', async () => {
  const { user, client, newestFirst } = await userWith(3);
  const friend = await live(newUser('friend'));
  const { conversationId } = await sendTo(friend, user);
  expect(idsOf((await conversations(client)).conversations)).toEqual([conversationId, ...newestFirst]);
  const oldest = newestFirst[2] ?? '';
  await send(client, { conversationId: oldest, content: 'again' });
  expect(idsOf((await conversations(client)).conversations)).toEqual([
    oldest,
    conversationId,
    ...newestFirst.slice(0, 2),
  ]);
});

test('a page holds 50 by default, and the cursor leads to the rest', async () => {
  const { client, newestFirst } = await userWith(51);
  const first = await conversations(client);
  expect(idsOf(first.conversations)).toEqual(newestFirst.slice(0, 50));
  const rest = await conversations(client, { cursor: first.cursor });
  expect(idsOf(rest.conversations)).toEqual(newestFirst.slice(50));
  expect(rest).not.toHaveProperty('cursor');
});

test('the last page has no cursor, also when it is full', async () => {
  const { client, newestFirst } = await userWith(6);
  for (const limit of [1, 2, 3, 6]) {
    const pages = await allPages(client, limit);
    expect(pages.map(({ length }) => length)).toEqual(Array.from({ length: 6 / limit }, () => limit));
    expect(idsOf(pages.flat())).toEqual(newestFirst);
  }
});

test('limit is 1 to 100', async () => {
  const { client, newestFirst } = await userWith(2);
  expect(idsOf((await conversations(client, { limit: 1 })).conversations)).toEqual(newestFirst.slice(0, 1));
  expect(idsOf((await conversations(client, { limit: 100 })).conversations)).toEqual(newestFirst);
  for (const limit of [0, 101, -1, 1.5]) {
    expect((await refused(client, { action: 'conversations', limit }, 'bad_request')).message).toContain(
      'limit',
    );
  }
});

test('pages with the longest ids are cut by bytes and lead on by their cursors', async () => {
  const user = newUser('long').padEnd(128, 'x');
  const client = await live(user);
  const sent = [];
  for (let index = 0; index < 100; index += 1) {
    sent.push(await sendTo(client, newUser(`peer${index}`).padEnd(128, 'y')));
  }
  const all = (await allPages(client, 100)).flat();
  expect(idsOf(all)).toEqual(sent.map(({ conversationId }) => conversationId).reverse());
});

test('a cursor that is not one of ours gets bad_request and is named', async () => {
  const { client } = await userWith(2);
  const { cursor: ours } = await conversations(client, { limit: 1 });
  for (const cursor of [`${ours}x`, `${ours}=`, 'x', '', '{}', 'AAAA', 'eyJ4IjoxfQ', 'x'.repeat(2000)]) {
    expect((await refused(client, { action: 'conversations', cursor }, 'bad_request')).message).toContain(
      'cursor',
    );
  }
});

test('the cursor of one user does not show their conversations to another', async () => {
  const { client, newestFirst } = await userWith(3);
  const other = await userWith(2);
  const { cursor } = await conversations(client, { limit: 1 });
  const reply = await other.client.request({ action: 'conversations', cursor });
  for (const conversationId of newestFirst) {
    expect(JSON.stringify(reply)).not.toContain(conversationId);
  }
});
