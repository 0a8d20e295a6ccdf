import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonLine, messageLine, plain } from '../../cli/text.ts';

const message = {
  messageId: 'm',
  conversationId: 'c',
  seq: 12,
  senderId: 'bob',
  recipientId: 'alice',
  content: 'Hello',
  sentAt: new Date(2026, 1, 9, 18, 11, 43).toISOString(),
};

test('a message is one line with the local time', () => {
  expect(messageLine(message)).toBe('2026-02-09 18:11:43  #12  bob: Hello');
});

test('what somebody writes cannot pass for a line of its own, nor steer the terminal', () => {
  const content = 'Hi\n2026-02-09 18:11:44  #13  carol: forged\u001b[2J\r\u009b1A\u202e';
  expect(messageLine({ ...message, content })).toBe(
    '2026-02-09 18:11:43  #12  bob: Hi\n    2026-02-09 18:11:44  #13  carol: forged\\u001b[2J\\u000d\\u009b1A\\u202e',
  );
});

test('no text leaves a control character but tab and line break', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(plain(text)).not.toMatch(/[^\P{Cc}\t\n]/u);
      expect(plain(text)).not.toMatch(/\n(?! {4})/);
      expect(jsonLine(text)).not.toMatch(/\p{Cc}/u);
      expect(JSON.parse(jsonLine(text))).toBe(text.isWellFormed() ? text : JSON.parse(JSON.stringify(text)));
    }),
  );
});
