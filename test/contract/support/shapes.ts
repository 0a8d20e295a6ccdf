import { expect } from 'vitest';
import type { Frame } from './inbox.ts';

export interface Message {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly recipientId: string;
  readonly content: string;
  readonly sentAt: string;
  readonly clientMessageId?: string;
}

export interface Sent {
  readonly message: Message;
  readonly duplicate: boolean;
}

/** Where a member stands in a conversation. */
export interface Standing {
  readonly conversationId: string;
  readonly lastSeq: number;
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export interface Summary extends Standing {
  readonly members: readonly string[];
  readonly unread: number;
  readonly lastMessageAt: string;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ISO_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MESSAGE_KEYS = ['messageId', 'conversationId', 'seq', 'senderId', 'recipientId', 'content', 'sentAt'];
const STANDING_KEYS = ['conversationId', 'lastSeq', 'deliveredSeq', 'readSeq'];
/** What a leaked stack, table or dependency would look like. */
const INTERNALS = /\n\s+at |Exception|DynamoDB|\.ts:\d|node:|undefined|\[object/;

/** Asserts that `value` is an object with these keys and no others. */
export function expectKeys(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): Frame {
  expect(value).toBeTypeOf('object');
  expect(value).not.toBeNull();
  const frame = value as Frame;
  const present = optional.filter((key) => key in frame);
  expect(Object.keys(frame).sort()).toEqual([...required, ...present].sort());
  return frame;
}

/** Asserts the type and the exact keys (besides `type` and `requestId`) of a reply, and that it has its requestId. */
export function expectReply(
  frame: Frame,
  type: string,
  keys: readonly string[] = [],
  optional: readonly string[] = [],
) {
  expect(frame.type, JSON.stringify(frame).slice(0, 500)).toBe(type);
  expect(frame.requestId).toBeTypeOf('string');
  return expectKeys(frame, ['type', 'requestId', ...keys], optional);
}

function expectInteger(value: unknown, least: number): void {
  expect(value).toBeTypeOf('number');
  expect(Number.isSafeInteger(value)).toBe(true);
  expect(value).toBeGreaterThanOrEqual(least);
}

export function asMessage(value: unknown): Message {
  const frame = expectKeys(value, MESSAGE_KEYS, ['clientMessageId']);
  for (const key of Object.keys(frame)) {
    expect(frame[key], key).toBeTypeOf(key === 'seq' ? 'number' : 'string');
  }
  expect(frame.messageId).toMatch(UUID_V7);
  expect(frame.sentAt).toMatch(ISO_MS);
  expectInteger(frame.seq, 1);
  expect(frame.conversationId).not.toBe('');
  return value as Message;
}

export function asMessages(value: unknown): Message[] {
  expect(Array.isArray(value)).toBe(true);
  return (value as unknown[]).map(asMessage);
}

export function asSent(frame: Frame): Sent {
  expectReply(frame, 'message.sent', ['messageId', 'message'], ['duplicate']);
  const message = asMessage(frame.message);
  expect(frame.messageId).toBe(message.messageId);
  if ('duplicate' in frame) {
    expect(frame.duplicate).toBe(true);
  }
  return { message, duplicate: 'duplicate' in frame };
}

/** A `message.new`: exact keys, no requestId. */
export function asPushedMessage(frame: Frame): Message {
  expect(frame.type).toBe('message.new');
  expectKeys(frame, ['type', 'messageId', 'message']);
  const message = asMessage(frame.message);
  expect(frame.messageId).toBe(message.messageId);
  return message;
}

function asStanding(value: unknown, more: readonly string[] = []): Standing {
  const frame = expectKeys(value, [...STANDING_KEYS, ...more]);
  expect(frame.conversationId).toBeTypeOf('string');
  expectInteger(frame.lastSeq, 1);
  expectInteger(frame.deliveredSeq, 0);
  expectInteger(frame.readSeq, 0);
  const standing = value as Standing;
  expect(standing.readSeq).toBeLessThanOrEqual(standing.deliveredSeq);
  expect(standing.deliveredSeq).toBeLessThanOrEqual(standing.lastSeq);
  return standing;
}

export function asDone(frame: Frame): { conversations: Standing[]; more: boolean; epoch: string } {
  expectReply(frame, 'reconnect.done', ['conversations', 'more', 'epoch']);
  expect(frame.epoch).toBeTypeOf('string');
  const epoch = String(frame.epoch);
  expect(epoch).not.toBe('');
  expect([...epoch].length).toBeLessThanOrEqual(256);
  expect(frame.more).toBeTypeOf('boolean');
  expect(Array.isArray(frame.conversations)).toBe(true);
  const conversations = (frame.conversations as unknown[]).map((entry) => asStanding(entry));
  return { conversations, more: frame.more === true, epoch };
}

export function asSummary(value: unknown): Summary {
  asStanding(value, ['members', 'unread', 'lastMessageAt']);
  const frame = value as Frame;
  expectInteger(frame.unread, 0);
  expect(frame.lastMessageAt).toMatch(ISO_MS);
  expect(Array.isArray(frame.members)).toBe(true);
  return value as Summary;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs?: number;
  readonly epoch?: string;
}

/** Asserts an error: exact keys, both texts, and nothing of the inside in either. */
export function asRefusal(frame: Frame, code: string, { requestId = true } = {}): Refusal {
  expect(frame.type, JSON.stringify(frame).slice(0, 500)).toBe('error');
  expect(frame.code, JSON.stringify(frame).slice(0, 500)).toBe(code);
  const keys = ['type', 'code', 'message', 'remedy'];
  const withId = requestId ? [...keys, 'requestId'] : keys;
  const own: Record<string, string[]> = { rate_limited: ['retryAfterMs'], epoch_changed: ['epoch'] };
  expectKeys(frame, [...withId, ...(own[code] ?? [])]);
  for (const key of ['message', 'remedy']) {
    expect(frame[key]).toBeTypeOf('string');
    expect(String(frame[key]).trim()).not.toBe('');
    expect(String(frame[key])).not.toMatch(INTERNALS);
  }
  return frame as unknown as Refusal;
}
