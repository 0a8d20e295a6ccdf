import { expect, test } from 'vitest';
import type { Message } from '#shared/protocol/replies.ts';
import {
  applyEarlier,
  applyNew,
  applyRead,
  applyReceipt,
  applySummary,
  makeConversation,
  oldestShown,
  peerOf,
  progressOf,
  shownMessages,
} from '../../web/conversation.ts';

function message(seq: number, senderId = 'bob'): Message {
  return {
    messageId: `m${seq}`,
    conversationId: 'c',
    seq,
    senderId,
    recipientId: senderId === 'bob' ? 'alice' : 'bob',
    content: `content ${seq}`,
    sentAt: '2026-01-01T00:00:00.000Z',
  };
}

function summary(lastSeq: number, unread: number, readSeq = 0) {
  return {
    conversationId: 'c',
    members: ['alice', 'bob'],
    lastSeq,
    unread,
    deliveredSeq: 0,
    readSeq,
    lastMessageAt: '2026-01-01T00:00:00.000Z',
  };
}

test('messages are shown once and in order, wherever they come from', () => {
  const conversation = makeConversation('bob');
  applyNew(conversation, message(5), 'alice');
  applyEarlier(conversation, [message(3), message(4), message(5)], true);
  applyNew(conversation, message(6, 'alice'), 'alice');
  expect(shownMessages(conversation).map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
  expect([oldestShown(conversation), conversation.hasEarlier]).toEqual([3, true]);
  applyEarlier(conversation, [message(1), message(2)], false);
  expect([oldestShown(conversation), conversation.hasEarlier]).toEqual([1, false]);
});

test('unread counts what others wrote, and nothing twice', () => {
  const conversation = makeConversation('bob');
  applyNew(conversation, message(1), 'alice');
  applyNew(conversation, message(2, 'alice'), 'alice');
  expect(conversation.unread).toBe(1);
  applySummary(conversation, summary(4, 3));
  expect(conversation.unread).toBe(3);
  for (const seq of [3, 4, 5]) applyNew(conversation, message(seq), 'alice');
  expect(conversation.unread).toBe(4);
  applySummary(conversation, summary(4, 3));
  expect(conversation.unread, 'a list that is older than the last message').toBe(4);
});

test('before its history is there, nothing of a conversation has been seen; then it is read once', () => {
  const conversation = makeConversation('bob');
  applySummary(conversation, summary(2, 2));
  expect([applyRead(conversation), conversation.unread]).toEqual([undefined, 2]);
  applyEarlier(conversation, [message(1), message(2)], false);
  expect([applyRead(conversation), conversation.unread]).toEqual([2, 0]);
  expect(applyRead(conversation)).toBeUndefined();
  applyNew(conversation, message(3, 'alice'), 'alice');
  expect(applyRead(conversation), 'what one wrote oneself').toBeUndefined();
});

test('what was read stays read when an older list or the message itself comes after', () => {
  const conversation = makeConversation('bob');
  for (const seq of [1, 2]) applyNew(conversation, message(seq), 'alice');
  applyRead(conversation);
  applySummary(conversation, summary(2, 2));
  expect(conversation.unread, 'a list from before it was read').toBe(0);
  applyEarlier(conversation, [message(3)], false);
  applyRead(conversation);
  applyNew(conversation, message(3), 'alice');
  expect(conversation.unread, 'a message that came with the history already').toBe(0);
  applySummary(conversation, summary(4, 1, 3));
  expect(conversation.unread).toBe(1);
});

test('a message that the list counted before it came is read when it comes', () => {
  const conversation = makeConversation('bob');
  applyNew(conversation, message(1), 'alice');
  applySummary(conversation, summary(2, 2));
  expect([applyRead(conversation), conversation.unread]).toEqual([1, 1]);
  applyNew(conversation, message(2), 'alice');
  expect([applyRead(conversation), conversation.unread]).toEqual([2, 0]);
});

test('a tick for sent, two for delivered, coloured for read; receipts never take one back', () => {
  const conversation = makeConversation('bob');
  const receipt = (deliveredSeq: number, readSeq: number) => ({
    conversationId: 'c',
    userId: 'bob',
    deliveredSeq,
    readSeq,
  });
  const own = [message(1, 'alice'), message(2, 'alice'), message(3, 'alice')];
  applyReceipt(conversation, receipt(2, 1));
  applyReceipt(conversation, receipt(1, 0));
  expect(own.map((one) => progressOf(conversation, one))).toEqual(['read', 'delivered', 'sent']);
});

test('the peer is whoever one is not', () => {
  expect(peerOf('alice', ['bob', 'alice'])).toBe('bob');
  expect(peerOf('alice', ['alice', undefined])).toBe('alice');
});

test('who has seen a conversation from its first message asks for nothing earlier', () => {
  const conversation = makeConversation('bob');
  for (const seq of [1, 2]) applyNew(conversation, message(seq), 'alice');
  expect(conversation.hasEarlier).toBe(false);
  applySummary(conversation, summary(2, 2));
  expect(conversation.hasEarlier).toBe(false);
  const later = makeConversation('bob');
  applyNew(later, message(2), 'alice');
  expect(later.hasEarlier).toBe(true);
});
