import { limits } from '#shared/protocol/limits.ts';
import { byteLength, frameOf, hasLoneSurrogate, refusal } from './frame.ts';

export interface OutgoingMessage {
  /** The other person's user id; either this or `conversationId`. */
  readonly recipientId?: string;
  readonly conversationId?: string;
  /** 1 to 16,384 bytes of UTF-8, and at most 31,000 once written as a JSON string. */
  readonly content: string;
  /** 1 to 64 printable ASCII characters, another one for each message; a UUID by default. */
  readonly clientMessageId?: string;
}

/** Refuses at once, with the server's own codes, what would wait in the queue only to be refused later. Throws `PostriderError`. */
export function checkOutgoing(message: OutgoingMessage): void {
  const { recipientId, conversationId, content, clientMessageId } = message;
  if ((recipientId === undefined) === (conversationId === undefined))
    throw refusal('bad_request', 'Name either "recipientId" or "conversationId".');
  if (typeof (recipientId ?? conversationId) !== 'string')
    throw refusal('bad_request', '"recipientId" and "conversationId" must be strings.');
  if (typeof content !== 'string') throw refusal('bad_request', '"content" must be a string.');
  if (content === '') throw refusal('bad_request', '"content" must not be empty.');
  if (hasLoneSurrogate(content)) throw refusal('bad_request', '"content" has a lone surrogate.');
  if (clientMessageId !== undefined && !/^[ -~]{1,64}$/.test(clientMessageId))
    throw refusal('bad_request', '"clientMessageId" must have 1 to 64 printable ASCII characters.');
  if (
    byteLength(content) > limits.contentBytes ||
    byteLength(JSON.stringify(content)) > limits.contentJsonBytes
  )
    throw refusal('too_large', `"content" has more than ${limits.contentBytes} bytes.`);
  frameOf(sendFields(message));
}

/** What a `send` says; a stored one has more. */
export function sendFields({ recipientId, conversationId, content, clientMessageId }: OutgoingMessage) {
  // `undefined` is left out by JSON.
  return { action: 'send', recipientId, conversationId, content, clientMessageId } as const;
}
