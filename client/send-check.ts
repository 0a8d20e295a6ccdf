import { limits } from '#shared/protocol/limits.ts';
import { PostriderError } from './errors.ts';

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
export function checkOutgoing({
  recipientId,
  conversationId,
  content,
  clientMessageId,
}: OutgoingMessage): void {
  if ((recipientId === undefined) === (conversationId === undefined))
    throw refusal('bad_request', 'Name either "recipientId" or "conversationId".');
  if (content === '') throw refusal('bad_request', '"content" must not be empty.');
  if (!content.isWellFormed()) throw refusal('bad_request', '"content" has a lone surrogate.');
  if (clientMessageId !== undefined && !/^[ -~]{1,64}$/.test(clientMessageId))
    throw refusal('bad_request', '"clientMessageId" must have 1 to 64 printable ASCII characters.');
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(content) > limits.contentBytes || bytes(JSON.stringify(content)) > limits.contentJsonBytes)
    throw refusal('too_large', `"content" has more than ${limits.contentBytes} bytes.`);
}

function refusal(code: 'bad_request' | 'too_large', message: string): PostriderError {
  return new PostriderError(code, message, { remedy: 'Correct the message; it was not sent.' });
}
