/** A message as it rests: everything but its content in the clear, the content sealed. */
export interface StoredMessage {
  readonly conversationId: string;
  /** 1, 2, 3 … within the conversation: no gap, no repeat. */
  readonly seq: number;
  /** UUIDv7. */
  readonly messageId: string;
  readonly senderId: string;
  /** How many messages this sender has in the conversation up to and including this one. */
  readonly senderCount: number;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly clientMessageId?: string;
  /** Content under the envelope encryption of `keys/message-cipher.aes.ts`. */
  readonly ciphertext: Uint8Array;
}

/**
 * What a ciphertext is bound to: all that rests in the clear beside it, its place in the log included. It opens with
 * exactly these values and with no others.
 */
export type MessagePlace = Omit<StoredMessage, 'ciphertext'>;
