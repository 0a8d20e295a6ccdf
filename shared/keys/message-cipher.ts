import type { MessagePlace } from '#shared/log/message.ts';

/** Seals and opens message content. No call to KMS per message. */
export interface MessageCipher {
  seal(place: MessagePlace, keySalt: Uint8Array, content: string): Promise<Uint8Array>;
  /** Throws `UnreadableMessage` when the ciphertext is damaged, moved, or not ours. */
  open(place: MessagePlace, keySalt: Uint8Array, ciphertext: Uint8Array): Promise<string>;
}
