import { expect } from 'vitest';
import {
  conversations,
  history,
  ok,
  pushed,
  reconnect,
  refused,
  send,
  sendMany,
  sendTo,
  wholeHistory,
} from './support/calls.ts';
import { contract, newUser, settle } from './support/contract.ts';
import { expectReply } from './support/shapes.ts';

const { test, live } = contract('block');

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await live(bob) };
}

const block = (userId: string) => ({ action: 'block', userId });
const unblock = (userId: string) => ({ action: 'unblock', userId });

test('a send to somebody who has blocked the sender is forbidden', async () => {
  const { alice, bob, a, b } = await pair();
  const { conversationId } = await sendTo(a, bob);
  await ok(b, block(alice));
  await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  await refused(a, { action: 'send', conversationId, content: 'x' }, 'forbidden');
});

test('a send to somebody whom the sender has blocked is forbidden', async () => {
  const { bob, a } = await pair();
  const { conversationId } = await sendTo(a, bob);
  await ok(a, block(bob));
  await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  await refused(a, { action: 'send', conversationId, content: 'x' }, 'forbidden');
});

test('forbidden never says which side has blocked', async () => {
  const { alice, bob, a, b } = await pair();
  await ok(b, block(alice));
  const blocked = await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  const blocker = await refused(b, { action: 'send', recipientId: alice, content: 'x' }, 'forbidden');
  const text = ({ message, remedy }: typeof blocked) =>
    `${message} ${remedy}`.replaceAll(alice, '?').replaceAll(bob, '?');
  expect(text(blocked)).toBe(text(blocker));
});

test('a block before the first message keeps it from being sent', async () => {
  const { alice, bob, a, b } = await pair();
  await ok(b, block(alice));
  await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  await refused(b, { action: 'send', recipientId: alice, content: 'x' }, 'forbidden');
  expect(await conversations(a)).toEqual({ conversations: [] });
  expect(await conversations(b)).toEqual({ conversations: [] });
});

test('what was forbidden is neither stored nor pushed', async () => {
  const { alice, bob, a, b } = await pair();
  const first = await sendTo(a, bob, 'one');
  await pushed(b, first);
  await ok(b, block(alice));
  await refused(a, { action: 'send', recipientId: bob, content: 'secret' }, 'forbidden');
  await ok(b, unblock(alice));
  const second = await sendTo(a, bob, 'two');
  expect(second.seq).toBe(2);
  await pushed(b, second);
  expect(await wholeHistory(b, first.conversationId)).toEqual([first, second]);
  expect(b.pushes('message.new')).toHaveLength(2);
});

test('unblock lets both write again', async () => {
  const { alice, bob, a, b } = await pair();
  await ok(b, block(alice));
  await ok(b, unblock(alice));
  await pushed(b, await sendTo(a, bob));
  await pushed(a, await sendTo(b, alice));
});

test('one side cannot undo the block of the other', async () => {
  const { alice, bob, a, b } = await pair();
  await ok(b, block(alice));
  await ok(a, unblock(bob));
  await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  await ok(a, block(bob));
  await ok(b, unblock(alice));
  await refused(a, { action: 'send', recipientId: bob, content: 'x' }, 'forbidden');
  await refused(b, { action: 'send', recipientId: alice, content: 'x' }, 'forbidden');
  await ok(a, unblock(bob));
  await pushed(b, await sendTo(a, bob));
});

test('block and unblock can be repeated, and unblock needs no block', async () => {
  const { alice, bob, a, b } = await pair();
  await ok(b, unblock(alice));
  await ok(b, block(alice));
  await ok(b, block(alice));
  await ok(b, unblock(alice));
  await ok(b, unblock(alice));
  expect((await sendTo(a, bob)).seq).toBe(1);
});

test('a block is about one person alone', async () => {
  const { alice, bob, a, b } = await pair();
  const carol = newUser('carol');
  const c = await live(carol);
  await ok(b, block(alice));
  await pushed(b, await sendTo(c, bob));
  await pushed(c, await sendTo(b, carol));
  await pushed(c, await sendTo(a, carol));
});

test('blocking oneself gets bad_request', async () => {
  const { alice, bob, a } = await pair();
  await refused(a, block(alice), 'bad_request');
  expect((await sendTo(a, bob)).seq).toBe(1);
});

test('somebody who is not known yet can be blocked', async () => {
  const { alice, a } = await pair();
  const unknown = newUser('unknown');
  await ok(a, block(unknown));
  const later = await live(unknown);
  await refused(later, { action: 'send', recipientId: alice, content: 'x' }, 'forbidden');
});

test('a block is not told to the other', async () => {
  const { alice, bob, a, b } = await pair();
  await pushed(b, await sendTo(a, bob));
  const before = a.received.length;
  await ok(b, block(alice));
  await ok(b, unblock(alice));
  await settle();
  expectReply(await a.request({ action: 'ping' }), 'pong');
  expect(a.received.slice(before).map(({ type }) => type)).toEqual(['pong']);
});

test('a message that was committed before the block stays confirmed to its sender', async () => {
  const { alice, bob, a, b } = await pair();
  const fields = { recipientId: bob, content: 'hello', clientMessageId: 'c-1' };
  const { message } = await send(a, fields);
  await ok(b, block(alice));
  expect(await send(a, fields)).toEqual({ message, duplicate: true });
  const { recipientId: _, ...byConversation } = fields;
  const { conversationId } = message;
  expect(await send(a, { ...byConversation, conversationId })).toEqual({ message, duplicate: true });
  const fresh = { ...fields, clientMessageId: 'c-2' };
  await refused(a, { action: 'send', ...fresh }, 'forbidden');
  await ok(a, block(bob));
  expect(await send(a, fields)).toEqual({ message, duplicate: true });
});

test('a send that was forbidden can be repeated after the unblock, and is no duplicate', async () => {
  const { alice, bob, a, b } = await pair();
  const fields = { recipientId: bob, content: 'hello', clientMessageId: 'c-1' };
  await ok(b, block(alice));
  await refused(a, { action: 'send', ...fields }, 'forbidden');
  await ok(b, unblock(alice));
  expect((await send(a, fields)).duplicate).toBe(false);
});

test('what was sent before a block still reaches its recipient', async () => {
  const { alice, bob, a, b } = await pair();
  const sent = await sendMany(a, bob, 3);
  await ok(b, block(alice));
  expect((await reconnect(b)).messages).toEqual(sent);
  expect((await history(b, sent[0]?.conversationId ?? '')).messages).toEqual(sent);
});
