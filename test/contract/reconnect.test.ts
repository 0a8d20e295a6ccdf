import { expect } from 'vitest';
import { drainAll, ok, pushed, reconnect, sendMany, sendTo } from './support/calls.ts';
import { contract, newUser, settle } from './support/contract.ts';
import { asRefusal, type Message } from './support/shapes.ts';

/** Sends in flight together, each in a conversation of its own. */
const AT_ONCE = 20;

const { test, open, live } = contract('reconnect');

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await open(bob) };
}

/** Bob has one conversation with each of three people, of 1, 2 and 3 messages. */
async function threeConversations() {
  const bob = newUser('bob');
  const talks = [];
  for (const count of [1, 2, 3]) {
    const client = await live(newUser('friend'));
    talks.push(await sendMany(client, bob, count));
  }
  const ids = talks.map((talk) => talk[0]?.conversationId ?? '');
  return { bob, b: await open(bob), talks, ids: ids as [string, string, string] };
}

const inOrder = <T extends { seq: number; conversationId: string }>(messages: readonly T[]) =>
  messages.toSorted(
    (x, y) =>
      (x.conversationId < y.conversationId ? -1 : Number(x.conversationId > y.conversationId)) ||
      x.seq - y.seq,
  );

test('a user without conversations gets done alone, with nothing in it', async () => {
  const client = await open(newUser());
  for (const fields of [
    {},
    { positions: {} },
    { positions: {}, only: true },
    { positions: {}, only: false },
  ]) {
    expect(await reconnect(client, fields)).toEqual({
      pages: [],
      messages: [],
      conversations: [],
      more: false,
      epoch: expect.any(String),
    });
  }
});

test('without positions a user who never acknowledged gets everything, in order, once', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 5);
  const drain = await reconnect(b);
  expect(drain.messages).toEqual(sent);
  expect(drain.more).toBe(false);
});

test('done names the conversations of which something was sent, with the numbers of the caller', async () => {
  const { alice, bob, a, b } = await pair();
  const [first] = await sendMany(a, bob, 3);
  const conversationId = first?.conversationId ?? '';
  await ok(b, { action: 'ack', positions: { [conversationId]: 2 } });
  await ok(b, { action: 'read', conversationId, seq: 1 });
  expect((await reconnect(b)).conversations).toEqual([
    { conversationId, lastSeq: 3, deliveredSeq: 2, readSeq: 1 },
  ]);
  const other = await open(alice);
  expect((await reconnect(other)).conversations).toEqual([
    { conversationId, lastSeq: 3, deliveredSeq: 0, readSeq: 0 },
  ]);
});

test('done does not name a conversation of which nothing was sent', async () => {
  const { b, talks, ids } = await threeConversations();
  await ok(b, { action: 'ack', positions: { [ids[0]]: 1, [ids[2]]: 3 } });
  const drain = await reconnect(b);
  expect(drain.messages).toEqual(talks[1]);
  expect(drain.conversations.map(({ conversationId }) => conversationId)).toEqual([ids[1]]);
});

test('without positions a user gets what was not acknowledged', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 5);
  const conversationId = sent[0]?.conversationId ?? '';
  await ok(b, { action: 'ack', positions: { [conversationId]: 3 } });
  expect((await reconnect(b)).messages).toEqual(sent.slice(3));
  await ok(b, { action: 'ack', positions: { [conversationId]: 5 } });
  expect(await reconnect(b)).toMatchObject({ pages: [], messages: [], conversations: [], more: false });
});

test('without positions one gets own messages as well, until they are acknowledged', async () => {
  const { alice, bob, a } = await pair();
  const sent = await sendMany(a, bob, 2);
  const conversationId = sent[0]?.conversationId ?? '';
  const other = await open(alice);
  expect((await reconnect(other)).messages).toEqual(sent);
  await ok(other, { action: 'ack', positions: { [conversationId]: 2 } });
  expect((await reconnect(a)).messages).toEqual([]);
});

test('with positions one gets every message above them', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 6);
  const conversationId = sent[0]?.conversationId ?? '';
  for (const position of [0, 1, 3, 5, 6]) {
    const drain = await reconnect(b, { positions: { [conversationId]: position } });
    expect(drain.messages).toEqual(sent.slice(position));
  }
});

test('with positions what was acknowledged does not matter', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 4);
  const conversationId = sent[0]?.conversationId ?? '';
  await ok(b, { action: 'ack', positions: { [conversationId]: 4 } });
  expect((await reconnect(b, { positions: { [conversationId]: 1 } })).messages).toEqual(sent.slice(1));
  expect((await reconnect(b, { positions: {} })).messages).toEqual(sent);
});

test('a position beyond the last message gives nothing', async () => {
  const { bob, a, b } = await pair();
  const { conversationId } = await sendTo(a, bob);
  for (const position of [1, 2, 1000, Number.MAX_SAFE_INTEGER]) {
    const drain = await reconnect(b, { positions: { [conversationId]: position } });
    expect(drain).toMatchObject({ pages: [], messages: [], conversations: [], more: false });
  }
});

test('a conversation that positions do not name counts as 0', async () => {
  const { b, talks, ids } = await threeConversations();
  const drain = await reconnect(b, { positions: { [ids[2]]: 2 } });
  expect(inOrder(drain.messages)).toEqual(
    inOrder([...(talks[0] ?? []), ...(talks[1] ?? []), ...(talks[2] ?? []).slice(2)]),
  );
  expect(drain.conversations.map(({ conversationId }) => conversationId).sort()).toEqual([...ids].sort());
  const explicit = await reconnect(b, { positions: { [ids[2]]: 2 }, only: false });
  expect(inOrder(explicit.messages)).toEqual(inOrder(drain.messages));
});

test('with only, a conversation that positions do not name is left out', async () => {
  const { b, talks, ids } = await threeConversations();
  const drain = await reconnect(b, { positions: { [ids[2]]: 1, [ids[0]]: 1 }, only: true });
  expect(drain.messages).toEqual((talks[2] ?? []).slice(1));
  expect(drain.conversations.map(({ conversationId }) => conversationId)).toEqual([ids[2]]);
});

test('conversations that the caller is not in are passed over', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 2);
  const conversationId = sent[0]?.conversationId ?? '';
  const foreign = await sendTo(a, newUser('carol'));
  const positions = { [foreign.conversationId]: 0, nowhere: 3, [conversationId]: 1 };
  expect((await reconnect(b, { positions })).messages).toEqual(sent.slice(1));
  expect((await reconnect(b, { positions, only: true })).messages).toEqual(sent.slice(1));
  const stranger = await open(newUser('stranger'));
  expect((await reconnect(stranger, { positions, only: true })).messages).toEqual([]);
});

test('a position for __proto__ is one for a conversation that does not exist', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 1);
  const { epoch } = await reconnect(a);
  b.sendText(
    `{"action":"reconnect","positions":{"__proto__":1,"constructor":1},"epoch":${JSON.stringify(epoch)}}`,
  );
  await b.waitFor(({ type }) => type === 'reconnect.done', 'reconnect.done');
  expect(b.received.map(({ type, messages }) => [type, messages])).toEqual([
    ['reconnect.page', sent],
    ['reconnect.done', undefined],
  ]);
});

test('several devices of a user name their positions, and each gets what it lacks', async () => {
  const { bob, a, b } = await pair();
  const tablet = await open(bob);
  const sent = await sendMany(a, bob, 4);
  const conversationId = sent[0]?.conversationId ?? '';
  expect((await reconnect(b, { positions: { [conversationId]: 3 } })).messages).toEqual(sent.slice(3));
  await ok(b, { action: 'ack', positions: { [conversationId]: 4 } });
  expect((await reconnect(tablet, { positions: { [conversationId]: 1 } })).messages).toEqual(sent.slice(1));
});

test('a drain holds the messages of both members in one order', async () => {
  const { alice, bob, a, b } = await pair();
  const sent = [];
  for (let turn = 0; turn < 4; turn += 1) {
    sent.push(await sendTo(a, bob, `a${turn}`), await sendTo(b, alice, `b${turn}`));
  }
  expect((await reconnect(b, { positions: {} })).messages).toEqual(sent);
  expect((await reconnect(a, { positions: {} })).messages).toEqual(sent);
});

test('a reconnect may be repeated on a connection', async () => {
  const { bob, a, b } = await pair();
  const first = await sendTo(a, bob, 'one');
  expect((await reconnect(b)).messages).toEqual([first]);
  const second = await sendTo(a, bob, 'two');
  await pushed(b, second);
  expect((await reconnect(b)).messages).toEqual([first, second]);
  await pushed(b, await sendTo(a, bob, 'three'));
});

test('reconnects at the same time on one connection each give everything under their own requestId', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 6, (index) => `${index} ${'x'.repeat(12_000)}`);
  const drains = await Promise.all(Array.from({ length: 4 }, () => reconnect(b, { positions: {} })));
  for (const drain of drains) {
    expect(drain.messages).toEqual(sent);
  }
});

test('what is sent while a drain runs arrives by the drain or as a push', async () => {
  const { bob, a, b } = await pair();
  await sendMany(a, bob, 10, () => 'x'.repeat(10_000));
  const [drain, sent] = await Promise.all([reconnect(b), sendMany(a, bob, 10)]);
  const drained = new Set(drain.messages.map(({ messageId }) => messageId));
  for (const message of sent.filter(({ messageId }) => !drained.has(messageId))) {
    await pushed(b, message);
  }
});

test('a large backlog is drained by raising positions, or by acknowledging alone, in order, once', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 100, (index) => `${index} ${'x'.repeat(16_000)}`);
  expect(await drainAll(b, {})).toEqual(sent);
  expect(await drainAll(await open(bob), {})).toEqual(sent);
  const { conversationId, seq } = sent.at(-1) ?? { conversationId: '', seq: 0 };
  await ok(b, { action: 'ack', positions: { [conversationId]: seq } });
  expect(await drainAll(b)).toEqual([]);
  expect(await drainAll(a)).toEqual(sent);
});

test('a backlog of many small messages is drained in order, once', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 150);
  expect(await drainAll(b, {})).toEqual(sent);
});

test('a backlog of many conversations is drained completely, both ways, each in order', async () => {
  const alice = newUser('alice');
  const sender = await live(alice);
  const peers = Array.from({ length: 400 }, (_, index) => newUser(`peer${index}`));
  const sent: Message[] = [];
  for (let start = 0; start < peers.length; start += AT_ONCE) {
    const some = peers.slice(start, start + AT_ONCE);
    sent.push(...(await Promise.all(some.map((peer) => sendTo(sender, peer, `to ${peer}`)))));
  }
  sent.push(...(await sendMany(sender, peers[0] ?? '', 3)));
  expect(inOrder(await drainAll(await open(alice)))).toEqual(inOrder(sent));
  expect(inOrder(await drainAll(sender, {}))).toEqual(inOrder(sent));
});

test('the epoch is the same for everybody, and positions that are handed back with it count', async () => {
  const { bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 3);
  const { epoch } = await reconnect(a);
  const positions = { [sent[0]?.conversationId ?? '']: 1 };
  const drain = await reconnect(b, { positions, epoch });
  expect(drain.messages).toEqual(sent.slice(1));
  expect(drain.epoch).toBe(epoch);
});

test('of another epoch nothing is given, no push begins, and the one that is now is told', async () => {
  const { bob, a, b } = await pair();
  const { conversationId } = await sendTo(a, bob);
  const { epoch } = await reconnect(a);
  const other = `not ${epoch}`.slice(0, 256);
  for (const fields of [{ positions: { [conversationId]: 1 } }, { positions: {} }, {}]) {
    const reply = await b.request({ action: 'reconnect', ...fields, epoch: other });
    expect(asRefusal(reply, 'epoch_changed').epoch).toBe(epoch);
  }
  await sendTo(a, bob, 'not pushed');
  await settle();
  expect(b.received.filter(({ type }) => type !== 'error')).toEqual([]);
  expect((await reconnect(b)).messages.map(({ seq }) => seq)).toEqual([1, 2]);
});

test('positions that are not empty need their epoch: without it the frame is wrong, and no push begins', async () => {
  const { bob, a, b } = await pair();
  const { conversationId } = await sendTo(a, bob);
  for (const positions of [{ [conversationId]: 1 }, { [conversationId]: 0 }, { elsewhere: 1 }]) {
    const reply = await b.request({ action: 'reconnect', positions, epoch: undefined });
    expect(asRefusal(reply, 'bad_request').message).toContain('epoch');
  }
  await sendTo(a, bob, 'not pushed');
  await settle();
  expect(b.received.filter(({ type }) => type !== 'error')).toEqual([]);
});
