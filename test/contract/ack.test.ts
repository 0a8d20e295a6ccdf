import { expect } from 'vitest';
import { ok, pushed, refused, sendMany, sendTo, summaryOf } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';

const { test, live } = contract('ack and read');

/** Alice has sent `count` messages to Bob. */
async function conversationOf(count: number) {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const sent = await sendMany(a, bob, count);
  return { alice, bob, a, b, conversationId: sent[0]?.conversationId ?? '' };
}

const ack = (positions: Record<string, number>) => ({ action: 'ack', positions });

async function numbers(client: Client, conversationId: string) {
  const { lastSeq, deliveredSeq, readSeq } = await summaryOf(client, conversationId);
  return { lastSeq, deliveredSeq, readSeq };
}

test('before anything is acknowledged both numbers are 0, for the sender as well', async () => {
  const { a, b, conversationId } = await conversationOf(2);
  for (const client of [a, b]) {
    expect(await numbers(client, conversationId)).toEqual({ lastSeq: 2, deliveredSeq: 0, readSeq: 0 });
  }
});

test('ack is answered ok and moves deliveredSeq of the caller alone', async () => {
  const { a, b, conversationId } = await conversationOf(3);
  await ok(b, ack({ [conversationId]: 2 }));
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 3, deliveredSeq: 2, readSeq: 0 });
  expect(await numbers(a, conversationId)).toEqual({ lastSeq: 3, deliveredSeq: 0, readSeq: 0 });
});

test('an older ack gets ok and moves nothing', async () => {
  const { b, conversationId } = await conversationOf(3);
  await ok(b, ack({ [conversationId]: 3 }));
  for (const seq of [1, 2, 3]) {
    await ok(b, ack({ [conversationId]: seq }));
    expect((await numbers(b, conversationId)).deliveredSeq).toBe(3);
  }
});

test('an ack beyond lastSeq gets bad_request and moves nothing', async () => {
  const { b, conversationId } = await conversationOf(3);
  await ok(b, ack({ [conversationId]: 1 }));
  for (const seq of [4, 1000, Number.MAX_SAFE_INTEGER]) {
    await refused(b, ack({ [conversationId]: seq }), 'bad_request');
  }
  expect((await numbers(b, conversationId)).deliveredSeq).toBe(1);
});

test('an ack for a conversation that the caller is not in gets not_found', async () => {
  const { a, conversationId } = await conversationOf(1);
  const stranger = await live(newUser('stranger'));
  const foreign = await refused(stranger, ack({ [conversationId]: 1 }), 'not_found');
  const nowhere = await refused(stranger, ack({ 'no-such-conversation': 1 }), 'not_found');
  const text = ({ message, remedy }: typeof foreign) => `${message} ${remedy}`;
  expect(text(foreign).replaceAll(conversationId, '')).toBe(
    text(nowhere).replaceAll('no-such-conversation', ''),
  );
  expect((await numbers(a, conversationId)).deliveredSeq).toBe(0);
});

test('an ack for __proto__ is one for a conversation that does not exist', async () => {
  const { b, conversationId } = await conversationOf(1);
  const reply = await b.exchange(`{"action":"ack","positions":{"__proto__":1,"${conversationId}":1}}`);
  expect(reply.code).toBe('not_found');
  expect((await numbers(b, conversationId)).deliveredSeq).toBe(1);
});

test('what else an ack names moves although one of it is refused', async () => {
  const { alice, bob, a, b, conversationId } = await conversationOf(3);
  const carol = await live(newUser('carol'));
  const second = await sendTo(carol, bob);
  const foreign = await sendTo(a, newUser('dave'));
  expect(alice).not.toBe(bob);

  await refused(b, ack({ [foreign.conversationId]: 1, [conversationId]: 2 }), 'not_found');
  expect((await numbers(b, conversationId)).deliveredSeq).toBe(2);
  await refused(b, ack({ [conversationId]: 3, [second.conversationId]: 2 }), 'bad_request');
  expect((await numbers(b, conversationId)).deliveredSeq).toBe(3);
  expect((await numbers(b, second.conversationId)).deliveredSeq).toBe(0);
});

test('of several faults in an ack the first in the order of the frame decides the code', async () => {
  const { b, conversationId } = await conversationOf(1);
  await refused(b, ack({ nowhere: 1, [conversationId]: 9 }), 'not_found');
  await refused(b, ack({ [conversationId]: 9, nowhere: 1 }), 'bad_request');
});

test('an ack names up to 100 conversations', async () => {
  const bob = newUser('bob');
  const b = await live(bob);
  const peers = Array.from({ length: 100 }, (_, index) => newUser(`peer${index}`));
  const positions: Record<string, number> = {};
  for (const peer of peers) {
    positions[(await sendTo(b, peer)).conversationId] = 1;
  }
  await ok(b, ack(positions));
  expect(await b.request({ action: 'reconnect' })).toMatchObject({ conversations: [], more: false });
});

test('a sender can acknowledge and read own messages', async () => {
  const { a, conversationId } = await conversationOf(2);
  await ok(a, ack({ [conversationId]: 1 }));
  await ok(a, { action: 'read', conversationId, seq: 2 });
  expect(await numbers(a, conversationId)).toEqual({ lastSeq: 2, deliveredSeq: 2, readSeq: 2 });
});

test('an ack by one device counts for the user', async () => {
  const { bob, b, conversationId } = await conversationOf(2);
  const tablet = await live(bob);
  await ok(b, ack({ [conversationId]: 2 }));
  expect((await numbers(tablet, conversationId)).deliveredSeq).toBe(2);
});

test('read moves both numbers', async () => {
  const { b, conversationId } = await conversationOf(3);
  await ok(b, { action: 'read', conversationId, seq: 2 });
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 3, deliveredSeq: 2, readSeq: 2 });
});

test('read up to less than what was delivered moves readSeq alone', async () => {
  const { b, conversationId } = await conversationOf(3);
  await ok(b, ack({ [conversationId]: 3 }));
  await ok(b, { action: 'read', conversationId, seq: 1 });
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 3, deliveredSeq: 3, readSeq: 1 });
});

test('an older read gets ok and moves nothing', async () => {
  const { b, conversationId } = await conversationOf(3);
  await ok(b, { action: 'read', conversationId, seq: 3 });
  await ok(b, { action: 'read', conversationId, seq: 1 });
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 3, deliveredSeq: 3, readSeq: 3 });
});

test('read beyond lastSeq gets bad_request and moves nothing', async () => {
  const { b, conversationId } = await conversationOf(2);
  await refused(b, { action: 'read', conversationId, seq: 3 }, 'bad_request');
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 2, deliveredSeq: 0, readSeq: 0 });
});

test('read in a conversation that the caller is not in gets not_found', async () => {
  const { a, conversationId } = await conversationOf(2);
  const stranger = await live(newUser('stranger'));
  await refused(stranger, { action: 'read', conversationId, seq: 1 }, 'not_found');
  await refused(stranger, { action: 'read', conversationId: 'nowhere', seq: 1 }, 'not_found');
  expect((await numbers(a, conversationId)).readSeq).toBe(0);
});

test('acks and reads at the same time end at the highest of them', async () => {
  const { bob, b, conversationId } = await conversationOf(20);
  const tablet = await live(bob);
  const seqs = Array.from({ length: 20 }, (_, index) => ((index * 7) % 20) + 1);
  await Promise.all(
    seqs.flatMap((seq) => [
      ok(b, ack({ [conversationId]: seq })),
      ok(tablet, { action: 'read', conversationId, seq: Math.max(1, seq - 5) }),
    ]),
  );
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 20, deliveredSeq: 20, readSeq: 15 });
});

test('a conversation that was read goes on', async () => {
  const { bob, a, b, conversationId } = await conversationOf(1);
  await ok(b, { action: 'read', conversationId, seq: 1 });
  await pushed(b, await sendTo(a, bob));
  expect(await numbers(b, conversationId)).toEqual({ lastSeq: 2, deliveredSeq: 1, readSeq: 1 });
});
