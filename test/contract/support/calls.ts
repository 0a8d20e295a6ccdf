import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Client } from './client.ts';
import type { Frame } from './inbox.ts';
import {
  asDone,
  asMessages,
  asPushedMessage,
  asRefusal,
  asSent,
  asSummary,
  expectReply,
  type Message,
  type Refusal,
  type Sent,
  type Standing,
  type Summary,
} from './shapes.ts';

export interface Drain {
  readonly pages: readonly (readonly Message[])[];
  readonly messages: readonly Message[];
  readonly conversations: readonly Standing[];
  readonly more: boolean;
  readonly epoch: string;
}

export interface HistoryPage {
  readonly messages: readonly Message[];
  readonly more: boolean;
}

export interface ConversationsPage {
  readonly conversations: readonly Summary[];
  readonly cursor?: string;
}

/** Sends with these fields, and asserts that it was accepted. */
export async function send(client: Client, fields: Frame): Promise<Sent> {
  return asSent(await client.request({ action: 'send', ...fields }));
}

/** Sends to a user, and gives the message. */
export async function sendTo(client: Client, recipientId: string, content = 'hello'): Promise<Message> {
  return (await send(client, { recipientId, content })).message;
}

/** Sends `count` messages, one after the other. */
export async function sendMany(
  client: Client,
  recipientId: string,
  count: number,
  content: (index: number) => string = (index) => `message ${index}`,
): Promise<Message[]> {
  const messages: Message[] = [];
  for (let index = 0; index < count; index += 1) {
    messages.push(await sendTo(client, recipientId, content(index)));
  }
  return messages;
}

/** Asserts that a request is answered `ok`, with nothing else in it. */
export async function ok(client: Client, fields: Frame): Promise<void> {
  expectReply(await client.request(fields), 'ok');
}

/** Asserts that a request is refused with `code`, under its requestId. */
export async function refused(client: Client, fields: Frame, code: string): Promise<Refusal> {
  return asRefusal(await client.request(fields), code);
}

/** One `reconnect` with all its pages. */
export async function reconnect(client: Client, fields: Frame = {}): Promise<Drain> {
  const requestId = fields.requestId ?? randomUUID();
  const from = client.received.length;
  const done = asDone(await client.request({ action: 'reconnect', ...fields, requestId }));
  const pages = client.received
    .slice(from)
    .filter((frame) => frame.type === 'reconnect.page' && frame.requestId === requestId)
    .map((frame) => asMessages(expectReply(frame, 'reconnect.page', ['messages']).messages));
  return { pages, messages: pages.flat(), ...done };
}

/** The positions that a device has once it holds `messages`, which arrived in order. */
export function raised(positions: Readonly<Record<string, number>>, messages: readonly Message[]) {
  const next: Record<string, number> = { ...positions };
  for (const { conversationId, seq } of messages) {
    next[conversationId] = Math.max(next[conversationId] ?? 0, seq);
  }
  return next;
}

/** Reconnects until nothing is left, as the contract says: acknowledge, wait for `ok`, raise the positions, repeat. */
export async function drainAll(
  client: Client,
  positions?: Readonly<Record<string, number>>,
): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const given = positions && { positions: raised(positions, messages) };
    const drain = await reconnect(client, given ?? {});
    messages.push(...drain.messages);
    if (!drain.more) {
      return messages;
    }
    expect(drain.messages, 'a drain with more to come sends something').not.toEqual([]);
    const arrived = Object.entries(raised({}, drain.messages));
    for (let start = 0; start < arrived.length; start += 100) {
      await ok(client, { action: 'ack', positions: Object.fromEntries(arrived.slice(start, start + 100)) });
    }
  }
}

/** One page of history: exact keys, and the conversation that was asked for. */
export async function history(
  client: Client,
  conversationId: string,
  fields: Frame = {},
): Promise<HistoryPage> {
  const frame = await client.request({ action: 'history', conversationId, ...fields });
  expectReply(frame, 'history.page', ['conversationId', 'messages', 'more']);
  expect(frame.conversationId).toBe(conversationId);
  expect(frame.more).toBeTypeOf('boolean');
  return { messages: asMessages(frame.messages), more: frame.more === true };
}

/** A conversation from its first message to its last. */
export async function wholeHistory(client: Client, conversationId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const after = messages.at(-1)?.seq ?? 0;
    const page = await history(client, conversationId, { after, limit: 100 });
    messages.push(...page.messages);
    if (!page.more) {
      return messages;
    }
    expect(page.messages, 'a page with more to come holds something').not.toEqual([]);
  }
}

export async function conversations(client: Client, fields: Frame = {}): Promise<ConversationsPage> {
  const frame = await client.request({ action: 'conversations', ...fields });
  expectReply(frame, 'conversations.page', ['conversations'], ['cursor']);
  expect(Array.isArray(frame.conversations)).toBe(true);
  const page = { conversations: (frame.conversations as unknown[]).map(asSummary) };
  if (!('cursor' in frame)) {
    return page;
  }
  expect(frame.cursor).toBeTypeOf('string');
  return { ...page, cursor: String(frame.cursor) };
}

/** How one of the caller's conversations stands. */
export async function summaryOf(client: Client, conversationId: string): Promise<Summary> {
  const page = await conversations(client, { limit: 100 });
  const found = page.conversations.find((entry) => entry.conversationId === conversationId);
  if (!found) {
    throw new Error(`${conversationId} is not among the conversations`);
  }
  return found;
}

/** Waits for the push of a message, and asserts its shape. */
export async function pushed(client: Client, message: Message): Promise<Message> {
  const isIt = (frame: Frame) => frame.type === 'message.new' && frame.messageId === message.messageId;
  return asPushedMessage(await client.waitFor(isIt, `message.new of seq ${message.seq}`));
}

/** The message as everybody but its sender sees it. */
export function withoutClientMessageId(message: Message): Message {
  const { clientMessageId: _, ...rest } = message;
  return rest;
}
