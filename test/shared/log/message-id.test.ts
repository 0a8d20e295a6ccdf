import { expect, test } from 'vitest';
import { messageIdTime } from '#shared/log/message-id.ts';
import { makeMessageIds } from '#shared/log/message-id.uuid.ts';

test('the example of RFC 9562, appendix A.6', () => {
  expect(messageIdTime('017F22E2-79B0-7CC3-98C4-DC0C0C07398F')).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
});

test('the time of an id is when it was made', () => {
  const now = 1_900_000_000_123;
  expect(messageIdTime(makeMessageIds((length) => new Uint8Array(length).fill(255))(now))).toBe(now);
});

test.for(['', 'none', '017F22E2-79B0'])('%j has no time', (text) => {
  expect(messageIdTime(text)).toBeNaN();
});
