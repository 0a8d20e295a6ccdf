import { expect } from 'vitest';
import { history, pushed, reconnect, refused, send, sendTo } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import { FRAME_BYTES } from './support/inbox.ts';

/** The bounds of `content`, in bytes: as UTF-8, and written as a JSON string with its quotes. */
const UTF8_BYTES = 16_384;
const JSON_BYTES = 31_000;

const { test, live } = contract('sizes');

const utf8 = (text: string) => Buffer.byteLength(text);
const asJson = (text: string) => Buffer.byteLength(JSON.stringify(text));

/** Content of exactly UTF8_BYTES, by the width of its characters. */
const FULL = [
  'a'.repeat(UTF8_BYTES),
  'é'.repeat(UTF8_BYTES / 2),
  '😀'.repeat(UTF8_BYTES / 4),
  `a${'€'.repeat(5461)}`,
];

/** Content of exactly JSON_BYTES as JSON, though shorter than UTF8_BYTES: every character of it is escaped. */
const ESCAPED = [
  '"'.repeat(15_499),
  '\\'.repeat(15_499),
  '\n'.repeat(15_499),
  `${'\u0001'.repeat(5166)}aa`,
  `${'\u0000'.repeat(5166)}é`,
];

async function pair() {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  return { alice, bob, a: await live(alice), b: await live(bob) };
}

/** Asserts that what was sent comes back whole on every way that leads to a member. */
async function travels(a: Client, b: Client, bob: string, content: string) {
  const message = await sendTo(a, bob, content);
  expect(message.content).toBe(content);
  expect((await pushed(b, message)).content).toBe(content);
  const { conversationId, seq } = message;
  expect((await history(b, conversationId, { after: seq - 1 })).messages).toEqual([message]);
  expect((await reconnect(b, { positions: { [conversationId]: seq - 1 } })).messages).toEqual([message]);
}

test('content of 1 byte is accepted', async () => {
  const { a, b, bob } = await pair();
  await travels(a, b, bob, 'x');
});

test('content of 16,384 bytes of UTF-8 is accepted, and one byte more is too_large', async () => {
  const { a, b, bob } = await pair();
  for (const content of FULL) {
    expect(utf8(content)).toBe(UTF8_BYTES);
    await travels(a, b, bob, content);
    await refused(a, { action: 'send', recipientId: bob, content: `${content}x` }, 'too_large');
  }
});

test('content of 31,000 bytes as a JSON string is accepted, and one byte more is too_large', async () => {
  const { a, b, bob } = await pair();
  for (const content of ESCAPED) {
    expect(asJson(content)).toBe(JSON_BYTES);
    expect(utf8(content)).toBeLessThan(UTF8_BYTES);
    await travels(a, b, bob, content);
    await refused(a, { action: 'send', recipientId: bob, content: `${content}x` }, 'too_large');
  }
});

test('what is too large is measured as the server would write it, not as the client escaped it', async () => {
  const { a, bob } = await pair();
  const content = 'a'.repeat(5000);
  const escaped = '\\u0061'.repeat(5000);
  const text = `{"action":"send","requestId":"x","recipientId":"${bob}","content":"${escaped}"}`;
  expect(await a.exchange(text)).toMatchObject({ type: 'message.sent', message: { content } });
});

test('content of more than 16,384 bytes is too_large in any frame that still fits', async () => {
  const { a, bob } = await pair();
  for (const length of [UTF8_BYTES + 1, 20_000, 32_000]) {
    const refusal = await refused(
      a,
      { action: 'send', recipientId: bob, content: 'z'.repeat(length) },
      'too_large',
    );
    expect(`${refusal.message}${refusal.remedy}`).not.toContain('zzzz');
  }
  expect(await a.request({ action: 'conversations' })).toMatchObject({ conversations: [] });
});

test('the largest message fits in every frame that may carry it, with the longest ids', async () => {
  const [alice, bob] = [newUser('alice').padEnd(128, 'a'), newUser('bob').padEnd(128, 'b')];
  const [a, a2, b] = [await live(alice), await live(alice), await live(bob)];
  const longRequestId = (char: string) => char.repeat(64);
  const fields = {
    content: `${'\u0001'.repeat(5166)}aa`,
    clientMessageId: '"'.repeat(64),
    requestId: longRequestId('\u0001'),
  };
  const { message } = await send(a, { recipientId: bob, ...fields });
  const again = await send(a, { conversationId: message.conversationId, ...fields });
  expect(again).toEqual({ message, duplicate: true });
  expect(await pushed(a2, message)).toEqual(message);
  await pushed(b, message);

  const requestId = longRequestId('\u0002');
  const page = await history(a, message.conversationId, { requestId });
  expect(page.messages).toEqual([message]);
  expect((await reconnect(a, { requestId: longRequestId('\u0003') })).messages).toEqual([message]);
});

test('pages of large messages are cut so that every frame fits', async () => {
  const { a, b, bob } = await pair();
  const sizes = [16_384, 16_384, 10, 16_000, 300, 16_384, 5000, 16_384, 1, 16_384];
  const sent = [];
  for (const size of sizes) {
    sent.push(await sendTo(a, bob, 'x'.repeat(size)));
  }
  const drain = await reconnect(b);
  expect(drain.messages).toEqual(sent);
  expect(drain.pages.length).toBeGreaterThan(3);
  for (const page of drain.pages) {
    expect(utf8(JSON.stringify(page))).toBeLessThan(FRAME_BYTES);
  }
});
