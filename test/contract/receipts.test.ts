import { expect } from 'vitest';
import { ok, refused, sendMany, sendTo } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser, settle } from './support/contract.ts';
import { expectKeys, expectReply } from './support/shapes.ts';

const { test, open, live } = contract('receipts');

interface Numbers {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

async function conversationOf(count: number) {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [a, b] = [await live(alice), await live(bob)];
  const sent = await sendMany(a, bob, count);
  return { alice, bob, a, b, conversationId: sent[0]?.conversationId ?? '' };
}

const ack = (conversationId: string, seq: number) => ({
  action: 'ack',
  positions: { [conversationId]: seq },
});
const read = (conversationId: string, seq: number) => ({ action: 'read', conversationId, seq });

/** Waits for the receipt with these numbers, and asserts that it has nothing else in it. */
async function receipt(client: Client, conversationId: string, userId: string, numbers: Numbers) {
  const frame = await client.waitFor(
    (frame) =>
      frame.type === 'receipt' &&
      frame.deliveredSeq === numbers.deliveredSeq &&
      frame.readSeq === numbers.readSeq,
    `a receipt with ${JSON.stringify(numbers)}`,
  );
  expectKeys(frame, ['type', 'conversationId', 'userId', 'deliveredSeq', 'readSeq']);
  expect(frame).toEqual({ type: 'receipt', conversationId, userId, ...numbers });
}

/** Asserts that a connection has got exactly this many receipts by now. */
async function hasReceipts(client: Client, count: number) {
  await settle();
  expectReply(await client.request({ action: 'ping' }), 'pong');
  expect(client.pushes('receipt')).toHaveLength(count);
}

test('an ack that moved gives the other member a receipt with both numbers', async () => {
  const { bob, a, b, conversationId } = await conversationOf(3);
  await ok(b, ack(conversationId, 2));
  await receipt(a, conversationId, bob, { deliveredSeq: 2, readSeq: 0 });
});

test('a read that moved gives the other member a receipt with both numbers', async () => {
  const { bob, a, b, conversationId } = await conversationOf(3);
  await ok(b, read(conversationId, 2));
  await receipt(a, conversationId, bob, { deliveredSeq: 2, readSeq: 2 });
  await ok(b, ack(conversationId, 3));
  await receipt(a, conversationId, bob, { deliveredSeq: 3, readSeq: 2 });
  await ok(b, read(conversationId, 3));
  await receipt(a, conversationId, bob, { deliveredSeq: 3, readSeq: 3 });
  await hasReceipts(a, 3);
});

test('every live connection of the other member gets the receipt', async () => {
  const { alice, bob, a, b, conversationId } = await conversationOf(1);
  const a2 = await live(alice);
  await ok(b, ack(conversationId, 1));
  await receipt(a, conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
  await receipt(a2, conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
});

test('the member who moved gets no receipt, on no connection', async () => {
  const { bob, a, b, conversationId } = await conversationOf(2);
  const b2 = await live(bob);
  await ok(b, ack(conversationId, 1));
  await ok(b, read(conversationId, 2));
  await receipt(a, conversationId, bob, { deliveredSeq: 2, readSeq: 2 });
  await hasReceipts(b, 0);
  await hasReceipts(b2, 0);
});

test('nobody else gets a receipt', async () => {
  const { bob, a, b, conversationId } = await conversationOf(1);
  const carol = newUser('carol');
  const c = await live(carol);
  await sendTo(b, carol);
  await ok(b, ack(conversationId, 1));
  await receipt(a, conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
  await hasReceipts(c, 0);
});

test('what moved nothing gives no receipt', async () => {
  const { bob, a, b, conversationId } = await conversationOf(3);
  await ok(b, read(conversationId, 2));
  await receipt(a, conversationId, bob, { deliveredSeq: 2, readSeq: 2 });
  await ok(b, ack(conversationId, 2));
  await ok(b, ack(conversationId, 1));
  await ok(b, read(conversationId, 2));
  await ok(b, read(conversationId, 1));
  await refused(b, ack(conversationId, 4), 'bad_request');
  await refused(b, read(conversationId, 4), 'bad_request');
  await hasReceipts(a, 1);
});

test('what else a refused ack names gives its receipt', async () => {
  const { bob, a, b, conversationId } = await conversationOf(1);
  await refused(b, { action: 'ack', positions: { nowhere: 1, [conversationId]: 1 } }, 'not_found');
  await receipt(a, conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
});

test('an ack of own messages gives the other member a receipt as well', async () => {
  const { alice, a, b, conversationId } = await conversationOf(2);
  await ok(a, ack(conversationId, 2));
  await receipt(b, conversationId, alice, { deliveredSeq: 2, readSeq: 0 });
});

test('an ack of several conversations gives each of the others their own receipt', async () => {
  const { bob, a, b, conversationId } = await conversationOf(2);
  const c = await live(newUser('carol'));
  const other = await sendTo(c, bob);
  await ok(b, { action: 'ack', positions: { [conversationId]: 2, [other.conversationId]: 1 } });
  await receipt(a, conversationId, bob, { deliveredSeq: 2, readSeq: 0 });
  await receipt(c, other.conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
  await hasReceipts(a, 1);
  await hasReceipts(c, 1);
});

test('a connection before its first reconnect gets no receipt', async () => {
  const { alice, bob, a, b, conversationId } = await conversationOf(1);
  const waiting = await open(alice);
  await ok(b, ack(conversationId, 1));
  await receipt(a, conversationId, bob, { deliveredSeq: 1, readSeq: 0 });
  await hasReceipts(waiting, 0);
});
