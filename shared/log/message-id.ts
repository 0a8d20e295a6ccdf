/** The unique id of a message that is made at `now`, milliseconds since the epoch: a UUIDv7 (RFC 9562, section 5.7). */
export type MakeMessageId = (now: number) => string;

const uuid = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

/** When it was made: the first 48 bits, milliseconds since the epoch. NaN for what is no id. */
export function messageIdTime(messageId: string): number {
  return uuid.test(messageId) ? Number.parseInt(messageId.replace('-', '').slice(0, 12), 16) : Number.NaN;
}
