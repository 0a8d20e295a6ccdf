import { expect, test } from 'vitest';
import { makeMessageId, messageIdTime } from '#shared/log/message-id.ts';

test('the example of RFC 9562, appendix A.6', () => {
  expect(messageIdTime('017F22E2-79B0-7CC3-98C4-DC0C0C07398F')).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
});

test('the time of an id is when it was made', () => {
  const now = 1_900_000_000_123;
  expect(messageIdTime(makeMessageId(now, new Uint8Array(16).fill(255)))).toBe(now);
});

test.for(['', 'none', '017F22E2-79B0'])('%j has no time', (text) => {
  expect(messageIdTime(text)).toBeNaN();
});
