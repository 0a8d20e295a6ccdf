import { expect } from 'vitest';
import { conversations, drainAll, pushed, send, sendTo, wholeHistory } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import type { Message } from './support/shapes.ts';

const { test, open, live } = contract('order and durability');

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await live(bob) };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const seqsOf = (messages: readonly Message[]) => messages.map(({ seq }) => seq);

/** `count` sends of one device, one after the other, as the contract asks of a client. */
async function oneByOne(
  client: Client,
  recipientId: string,
  count: number,
  name: string,
): Promise<Message[]> {
  const sent: Message[] = [];
  for (let index = 0; index < count; index += 1) {
    const clientMessageId = `${name}-${index}`;
    sent.push((await send(client, { recipientId, content: clientMessageId, clientMessageId })).message);
  }
  return sent;
}

test('parallel senders on both sides get every seq once, without a gap', async () => {
  const { alice, bob, a, b } = await pair();
  const [a2, b2] = [await live(alice), await live(bob)];
  const sent = await Promise.all([
    oneByOne(a, bob, 15, 'a'),
    oneByOne(a2, bob, 15, 'a2'),
    oneByOne(b, alice, 15, 'b'),
    oneByOne(b2, alice, 15, 'b2'),
  ]);
  for (const own of sent) {
    expect(seqsOf(own)).toEqual(seqsOf(own).toSorted((x, y) => x - y));
  }
  expect(seqsOf(sent.flat()).sort((x, y) => x - y)).toEqual(upTo(60));
});

test('every member sees the same message at the same seq', async () => {
  const { alice, bob, a, b } = await pair();
  const [fromA, fromB] = await Promise.all([oneByOne(a, bob, 20, 'a'), oneByOne(b, alice, 20, 'b')]);
  const expected = [...fromA, ...fromB].toSorted((x, y) => x.seq - y.seq);
  const plain = (messages: readonly Message[]) =>
    messages.map(({ seq, messageId, senderId, content, sentAt }) => ({
      seq,
      messageId,
      senderId,
      content,
      sentAt,
    }));
  const { conversationId = '' } = expected[0] ?? {};
  expect(plain(await wholeHistory(a, conversationId))).toEqual(plain(expected));
  expect(plain(await wholeHistory(b, conversationId))).toEqual(plain(expected));
  expect(plain(await drainAll(await open(bob), {}))).toEqual(plain(expected));
  for (const message of fromA) {
    expect(plain([await pushed(b, message)])).toEqual(plain([message]));
  }
});

test('sends in flight together on one connection get every seq once, in whichever order', async () => {
  const { bob, a, b } = await pair();
  const sent = await Promise.all(upTo(30).map((index) => sendTo(a, bob, `content ${index}`)));
  expect(seqsOf(sent).sort((x, y) => x - y)).toEqual(upTo(30));
  const stored = await wholeHistory(b, sent[0]?.conversationId ?? '');
  expect(stored).toEqual(sent.toSorted((x, y) => x.seq - y.seq));
});

test('first messages from both sides at one instant make one conversation', async () => {
  for (let round = 0; round < 8; round += 1) {
    const { alice, bob, a, b } = await pair();
    const [fromA, fromB] = await Promise.all([sendTo(a, bob, 'from alice'), sendTo(b, alice, 'from bob')]);
    expect(fromA.conversationId).toBe(fromB.conversationId);
    expect([fromA.seq, fromB.seq].sort()).toEqual([1, 2]);
    const stored = await wholeHistory(a, fromA.conversationId);
    expect(stored).toEqual([fromA, fromB].toSorted((x, y) => x.seq - y.seq));
  }
});

test('after message.sent both members find the message, by every request', async () => {
  const { bob, a, b } = await pair();
  for (let round = 0; round < 5; round += 1) {
    const message = await sendTo(a, bob, `round ${round}`);
    for (const client of [a, b]) {
      expect((await wholeHistory(client, message.conversationId)).at(-1)).toEqual(message);
      expect((await drainAll(client, {})).at(-1)).toEqual(message);
      const [summary] = (await conversations(client)).conversations;
      expect(summary).toMatchObject({ lastSeq: message.seq, lastMessageAt: message.sentAt });
    }
  }
});

test('a confirmed message outlives the connection that sent it', async () => {
  const { bob, a } = await pair();
  const message = await sendTo(a, bob);
  a.drop();
  expect(await drainAll(await open(bob))).toEqual([message]);
});

test('what came while a device was away is there when it comes back, in order, once', async () => {
  const { bob, a, b } = await pair();
  const seen = [await sendTo(a, bob, 'seen')];
  await pushed(b, seen[0] as Message);
  b.drop();
  const missed = await oneByOne(a, bob, 12, 'missed');
  const back = await open(bob);
  const { conversationId = '' } = seen[0] ?? {};
  const drained = await drainAll(back, { [conversationId]: 1 });
  expect(drained.map(({ messageId }) => messageId)).toEqual(missed.map(({ messageId }) => messageId));
});

test('a push lost with its connection is there at the next reconnect', async () => {
  const { bob, a, b } = await pair();
  const sends = oneByOne(a, bob, 10, 'storm');
  b.drop();
  const sent = await sends;
  const drained = await drainAll(await open(bob), {});
  expect(seqsOf(drained)).toEqual(upTo(10));
  expect(drained.map(({ messageId }) => messageId)).toEqual(sent.map(({ messageId }) => messageId));
});
