import { expect } from 'vitest';
import {
  history,
  pushed,
  refused,
  send,
  sendMany,
  sendTo,
  wholeHistory,
  withoutClientMessageId,
} from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';

/** How many of a sender's last sends in a conversation are remembered. */
const REMEMBERED = 64;

const { test, live } = contract('exactly once');

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await live(bob) };
}

async function sendNumbered(client: Client, recipientId: string, count: number, prefix: string) {
  for (let index = 0; index < count; index += 1) {
    await send(client, { recipientId, content: `${prefix} ${index}`, clientMessageId: `${prefix}-${index}` });
  }
}

test('a repeated send gets the same message back, with duplicate: true', async () => {
  const { bob, a } = await pair();
  const fields = { recipientId: bob, content: 'hello', clientMessageId: 'c-1' };
  const { message } = await send(a, fields);
  for (let repeat = 0; repeat < 3; repeat += 1) {
    expect(await send(a, fields)).toEqual({ message, duplicate: true });
  }
  expect(await wholeHistory(a, message.conversationId)).toEqual([message]);
});

test('a send repeated over another connection is the same message', async () => {
  const { alice, bob, a } = await pair();
  const fields = { recipientId: bob, content: 'hello', clientMessageId: 'c-1' };
  const { message } = await send(a, fields);
  const second = await live(alice);
  expect(await send(second, fields)).toEqual({ message, duplicate: true });
  await a.close();
  await second.close();
  expect(await send(await live(alice), fields)).toEqual({ message, duplicate: true });
});

test('a send whose reply was lost is repeated without harm', async () => {
  const { alice, bob, a, b } = await pair();
  const fields = { recipientId: bob, content: 'hello', clientMessageId: 'c-1' };
  a.sendText(JSON.stringify({ action: 'send', ...fields }));
  await b.waitFor(({ type }) => type === 'message.new', 'message.new');
  a.drop();
  const { message, duplicate } = await send(await live(alice), fields);
  expect(duplicate).toBe(true);
  expect(await wholeHistory(b, message.conversationId)).toEqual([withoutClientMessageId(message)]);
});

test('recipientId and conversationId name the same conversation to a repeated send', async () => {
  const { bob, a } = await pair();
  const fields = { content: 'hello', clientMessageId: 'c-1' };
  const { message } = await send(a, { ...fields, recipientId: bob });
  const again = await send(a, { ...fields, conversationId: message.conversationId });
  expect(again).toEqual({ message, duplicate: true });
});

test('the same clientMessageId with other content gets bad_request and stores nothing', async () => {
  const { bob, a } = await pair();
  const fields = { recipientId: bob, content: 'the first', clientMessageId: 'c-1' };
  const { message } = await send(a, fields);
  for (const content of ['the second', 'the first ', 'THE FIRST', 'e\u0301']) {
    const refusal = await refused(a, { action: 'send', ...fields, content }, 'bad_request');
    expect(`${refusal.message} ${refusal.remedy}`).not.toContain('the first');
  }
  expect(await send(a, fields)).toEqual({ message, duplicate: true });
  expect((await sendTo(a, bob)).seq).toBe(2);
});

test('content is compared exactly: two spellings of one letter are two contents', async () => {
  const { bob, a } = await pair();
  await send(a, { recipientId: bob, content: 'é', clientMessageId: 'c-1' });
  await refused(
    a,
    { action: 'send', recipientId: bob, content: 'e\u0301', clientMessageId: 'c-1' },
    'bad_request',
  );
});

test('the clientMessageId of one sender is nothing to the other', async () => {
  const { alice, bob, a, b } = await pair();
  const mine = await send(a, { recipientId: bob, content: 'mine', clientMessageId: 'same' });
  const yours = await send(b, { recipientId: alice, content: 'yours', clientMessageId: 'same' });
  expect([mine.duplicate, yours.duplicate]).toEqual([false, false]);
  expect(yours.message.seq).toBe(2);
});

test('a clientMessageId counts in its conversation only', async () => {
  const { bob, a } = await pair();
  const carol = newUser('carol');
  const toBob = await send(a, { recipientId: bob, content: 'x', clientMessageId: 'same' });
  const toCarol = await send(a, { recipientId: carol, content: 'y', clientMessageId: 'same' });
  expect([toBob.duplicate, toCarol.duplicate]).toEqual([false, false]);
  expect(toCarol.message.conversationId).not.toBe(toBob.message.conversationId);
});

test('clientMessageIds are told apart by case and by spaces', async () => {
  const { bob, a } = await pair();
  const ids = ['id', 'ID', 'id ', ' id', 'i d'];
  for (const [index, clientMessageId] of ids.entries()) {
    const { message, duplicate } = await send(a, { recipientId: bob, content: 'x', clientMessageId });
    expect([message.seq, duplicate]).toEqual([index + 1, false]);
  }
});

test('the same content without clientMessageId is a new message each time', async () => {
  const { bob, a } = await pair();
  const messages = await sendMany(a, bob, 3, () => 'same');
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test('the last 64 sends of a sender are remembered', async () => {
  const { bob, a } = await pair();
  const oldest = { recipientId: bob, content: 'oldest', clientMessageId: 'oldest' };
  const { message } = await send(a, oldest);
  await sendNumbered(a, bob, REMEMBERED - 1, 'later');
  expect(await send(a, oldest)).toEqual({ message, duplicate: true });
});

test('neither duplicates nor the sends of the other push anything out of the memory', async () => {
  const { alice, bob, a, b } = await pair();
  const oldest = { recipientId: bob, content: 'oldest', clientMessageId: 'oldest' };
  const { message } = await send(a, oldest);
  await sendNumbered(a, bob, 3, 'later');
  for (let repeat = 0; repeat < 30; repeat += 1) {
    await sendNumbered(a, bob, 3, 'later');
  }
  await sendNumbered(b, alice, REMEMBERED + 1, 'theirs');
  expect(await send(a, oldest)).toEqual({ message, duplicate: true });
});

test('a send repeated after more than 64 others is either recognised or a new message, never half of each', async () => {
  const { bob, a, b } = await pair();
  const oldest = { recipientId: bob, content: 'oldest', clientMessageId: 'oldest' };
  const first = await send(a, oldest);
  await sendNumbered(a, bob, REMEMBERED + 1, 'later');
  const again = await send(a, oldest);
  const total = REMEMBERED + 2 + (again.duplicate ? 0 : 1);
  expect(again.message.seq).toBe(again.duplicate ? 1 : total);
  expect(again.message.messageId === first.message.messageId).toBe(again.duplicate);
  const seqs = (await wholeHistory(b, first.message.conversationId)).map(({ seq }) => seq);
  expect(seqs).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  const last = `later-${REMEMBERED}`;
  expect(
    (await send(a, { recipientId: bob, content: `later ${REMEMBERED}`, clientMessageId: last })).duplicate,
  ).toBe(true);
});

test('sends without clientMessageId count among the 64', async () => {
  const { bob, a } = await pair();
  const oldest = { recipientId: bob, content: 'oldest', clientMessageId: 'oldest' };
  const { message } = await send(a, oldest);
  await sendMany(a, bob, REMEMBERED - 1);
  expect(await send(a, oldest)).toEqual({ message, duplicate: true });
});

test('a send made several times at once over several connections makes one message', async () => {
  const { alice, bob, a, b } = await pair();
  const devices = [a, await live(alice), await live(alice), await live(alice)];
  for (let round = 0; round < 8; round += 1) {
    const fields = { recipientId: bob, content: `round ${round}`, clientMessageId: `c-${round}` };
    const sent = await Promise.all([...devices, ...devices].map((device) => send(device, fields)));
    expect(new Set(sent.map(({ message }) => JSON.stringify(message))).size).toBe(1);
    expect(sent.filter(({ duplicate }) => !duplicate).length).toBeLessThanOrEqual(1);
    expect(sent[0]?.message.seq).toBe(round + 1);
  }
  const { conversationId } = await sendTo(a, bob, 'end');
  const contents = (await history(b, conversationId)).messages.map(({ content }) => content);
  expect(contents).toEqual([...Array.from({ length: 8 }, (_, round) => `round ${round}`), 'end']);
});

test('of two contents under one clientMessageId at once, one is sent and the other refused', async () => {
  const { alice, bob, a, b } = await pair();
  const other = await live(alice);
  for (let round = 0; round < 5; round += 1) {
    const fields = { action: 'send', recipientId: bob, clientMessageId: `c-${round}` };
    const replies = await Promise.all([
      a.request({ ...fields, content: `left ${round}` }),
      other.request({ ...fields, content: `right ${round}` }),
    ]);
    expect(replies.map((reply) => reply.code ?? reply.type).sort()).toEqual(['bad_request', 'message.sent']);
  }
  const last = await sendTo(a, bob, 'end');
  expect(last.seq).toBe(6);
  await pushed(b, last);
});
