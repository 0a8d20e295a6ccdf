import { v7, validate } from 'uuid';

/** A UUIDv7 (RFC 9562, section 5.7) of `now`, milliseconds since the epoch, and 16 bytes of entropy. */
export function makeMessageId(now: number, entropy: Uint8Array): string {
  return v7({ msecs: now, random: entropy });
}

/** When it was made: the first 48 bits, milliseconds since the epoch. NaN for what is no id. */
export function messageIdTime(messageId: string): number {
  return validate(messageId) ? Number.parseInt(messageId.replace('-', '').slice(0, 12), 16) : Number.NaN;
}
