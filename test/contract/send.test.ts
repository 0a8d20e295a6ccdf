import { expect } from 'vitest';
import {
  history,
  pushed,
  reconnect,
  refused,
  send,
  sendMany,
  sendTo,
  withoutClientMessageId,
} from './support/calls.ts';
import { contract, newUser, settle } from './support/contract.ts';
import { asSent, expectReply } from './support/shapes.ts';

const { test, open, live } = contract('send');

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await live(bob) };
}

test('send is answered by message.sent with the message, and without duplicate', async () => {
  const { alice, bob, a } = await pair();
  const reply = await a.request({
    action: 'send',
    recipientId: bob,
    content: 'hello',
    clientMessageId: 'c-1',
  });
  const { message, duplicate } = asSent(reply);
  expect(duplicate).toBe(false);
  expect(message).toMatchObject({
    seq: 1,
    senderId: alice,
    recipientId: bob,
    content: 'hello',
    clientMessageId: 'c-1',
  });
});

test('a message that was sent without clientMessageId has none', async () => {
  const { bob, a } = await pair();
  expect(await sendTo(a, bob)).not.toHaveProperty('clientMessageId');
});

test('a message is pushed to every live connection of the recipient, without clientMessageId', async () => {
  const { bob, a, b } = await pair();
  const b2 = await live(bob);
  const { message } = await send(a, { recipientId: bob, content: 'hello', clientMessageId: 'c-1' });
  for (const client of [b, b2]) {
    expect(await pushed(client, message)).toEqual(withoutClientMessageId(message));
  }
});

test('a message is pushed to the other connections of its sender, not to the one that sent it', async () => {
  const { alice, bob, a, b } = await pair();
  const a2 = await live(alice);
  const { message } = await send(a, { recipientId: bob, content: 'hello', clientMessageId: 'c-1' });
  expect(await pushed(a2, message)).toEqual(message);
  await pushed(b, message);
  await settle();
  expectReply(await a.request({ action: 'ping' }), 'pong');
  expect(a.pushes('message.new')).toEqual([]);
});

test('a message is not pushed to anybody else', async () => {
  const { bob, a, b } = await pair();
  const stranger = await live(newUser('stranger'));
  await pushed(b, await sendTo(a, bob));
  await settle();
  expectReply(await stranger.request({ action: 'ping' }), 'pong');
  expect([...stranger.pushes('message.new'), ...stranger.pushes('receipt')]).toEqual([]);
});

test('either member can go on by conversationId', async () => {
  const { alice, bob, a, b } = await pair();
  const { conversationId } = await sendTo(a, bob);
  const second = await send(a, { conversationId, content: 'two' });
  expect(second.message).toMatchObject({ conversationId, seq: 2, senderId: alice, recipientId: bob });
  const third = await send(b, { conversationId, content: 'three' });
  expect(third.message).toMatchObject({ conversationId, seq: 3, senderId: bob, recipientId: alice });
  await pushed(b, second.message);
  await pushed(a, third.message);
});

test('the conversation is the same whichever member writes first', async () => {
  const { alice, bob, a, b } = await pair();
  const first = await sendTo(b, alice);
  const second = await sendTo(a, bob);
  expect(second.conversationId).toBe(first.conversationId);
  expect([first.seq, second.seq]).toEqual([1, 2]);
});

test('seq counts 1, 2, 3 in each conversation of its own', async () => {
  const { bob, a } = await pair();
  const carol = newUser('carol');
  const messages = await sendMany(a, bob, 10);
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect((await sendTo(a, carol)).seq).toBe(1);
  expect((await sendTo(a, bob)).seq).toBe(11);
});

test('every message has an id of its own', async () => {
  const { bob, a } = await pair();
  const messages = await sendMany(a, bob, 10);
  expect(new Set(messages.map(({ messageId }) => messageId)).size).toBe(10);
});

test('sentAt is now', async () => {
  const { bob, a } = await pair();
  const { sentAt } = await sendTo(a, bob);
  expect(Math.abs(Date.parse(sentAt) - Date.now())).toBeLessThan(10 * 60_000);
});

test('no part of either id makes two pairs collide', async () => {
  const [p, q, r] = [newUser('p'), newUser('q'), newUser('r')];
  const peers = new Map<string, string>();
  for (const separator of ['', '|', ':', '.', '_', '@', '-', '||', '::', '|:|']) {
    const pairs = [
      [`${p}${separator}${q}`, r],
      [p, `${q}${separator}${r}`],
      [`${p}${separator}`, `${q}${separator}${r}`],
      [`${r}${separator}${q}`, p],
      [`${separator}${p}`, `${q}${r}`],
    ] as const;
    for (const [from, to] of pairs) {
      const key = [from, to].sort().join(' ');
      const client = await open(from);
      const { conversationId } = await sendTo(client, to);
      await client.close();
      expect(peers.get(conversationId) ?? key).toBe(key);
      peers.set(conversationId, key);
    }
  }
  expect(peers.size).toBe(new Set(peers.values()).size);
  expect(peers.size).toBeGreaterThan(40);
});

test('content goes through unchanged, whatever is in it', async () => {
  const { bob, a, b } = await pair();
  const contents = [
    ' ',
    '\n',
    '\u0000',
    '\ufeffmark',
    '  spaces  ',
    'e\u0301 and é are two spellings',
    '😀👨‍👩‍👧‍👦🇪🇺',
    'שלום مرحبا',
    '\u2028\u2029',
    '{"action":"ping"}',
    '<b onclick="x()">&amp;</b>',
    '"\\/\b\f\n\r\t',
    '__proto__',
    'null',
    '\uffff\ufffe\ufffd',
    '%00 {{y}} %s $1',
  ];
  for (const content of contents) {
    const message = await sendTo(a, bob, content);
    expect(message.content).toBe(content);
    expect((await pushed(b, message)).content).toBe(content);
  }
  const { conversationId } = await sendTo(a, bob, 'end');
  const stored = (await history(b, conversationId)).messages.map(({ content }) => content);
  expect(stored).toEqual([...contents, 'end']);
  const drained = (await reconnect(b)).messages.map(({ content }) => content);
  expect(drained).toEqual([...contents, 'end']);
});

test('a clientMessageId is 1 to 64 printable ASCII characters', async () => {
  const { bob, a } = await pair();
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join('');
  for (const clientMessageId of [' ', '~', 'x'.repeat(64), printable.slice(0, 64), printable.slice(31)]) {
    const { message } = await send(a, { recipientId: bob, content: 'x', clientMessageId });
    expect(message.clientMessageId).toBe(clientMessageId);
  }
});

test('clientMessageId is shown to its sender only', async () => {
  const { bob, a, b } = await pair();
  const { message } = await send(a, { recipientId: bob, content: 'x', clientMessageId: 'mine' });
  const seenBy = async (client: typeof a) => [
    (await history(client, message.conversationId)).messages[0],
    (await reconnect(client)).messages[0],
  ];
  expect(await seenBy(a)).toEqual([message, message]);
  expect(await seenBy(b)).toEqual([withoutClientMessageId(message), withoutClientMessageId(message)]);
});

test('a recipient who was never there gets what was sent', async () => {
  const a = await live(newUser('alice'));
  const bob = newUser('bob');
  const sent = await sendMany(a, bob, 3);
  const b = await open(bob);
  expect((await reconnect(b)).messages).toEqual(sent);
});

test('a conversation that does not exist and one of others are not told apart', async () => {
  const { bob, a } = await pair();
  const stranger = await live(newUser('stranger'));
  const { conversationId } = await sendTo(a, bob);
  const last = conversationId.at(-1) === '0' ? '1' : '0';
  const unknown = `${conversationId.slice(0, -1)}${last}`;
  for (const fields of [
    { action: 'send', content: 'x' },
    { action: 'read', seq: 1 },
    { action: 'history' },
  ]) {
    const foreign = await refused(stranger, { ...fields, conversationId }, 'not_found');
    const nowhere = await refused(stranger, { ...fields, conversationId: unknown }, 'not_found');
    const text = ({ message, remedy }: typeof foreign) => `${message} ${remedy}`;
    expect(text(foreign).replaceAll(conversationId, '')).toBe(text(nowhere).replaceAll(unknown, ''));
  }
  expect((await history(a, conversationId)).messages).toHaveLength(1);
});

test('a conversationId of any other form is not_found as well', async () => {
  const { a } = await pair();
  for (const conversationId of ['x', '', '*', '__proto__', 'a b', 'é', 'x'.repeat(1000), '../x']) {
    const code = conversationId === '' ? /^(bad_request|not_found)$/ : /^not_found$/;
    for (const fields of [
      { action: 'send', content: 'x' },
      { action: 'history' },
      { action: 'read', seq: 1 },
    ]) {
      expect((await a.request({ ...fields, conversationId })).code).toMatch(code);
    }
  }
});
