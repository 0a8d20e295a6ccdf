import { v7 } from 'uuid';

/** A UUIDv7 (RFC 9562, section 5.7) of `now`, milliseconds since the epoch, and 16 bytes of entropy. */
export function makeMessageId(now: number, entropy: Uint8Array): string {
  return v7({ msecs: now, random: entropy });
}
