/** Names a message to whoever looks again later. Never holds content. */
export interface MessageReference {
  readonly recipientId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly messageId: string;
}

/** The queue in which every commit leaves a witness. */
export interface DeliveryQueue {
  leave(reference: MessageReference): Promise<void>;
}
