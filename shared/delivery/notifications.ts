import type { MessageReference } from './delivery-queue.ts';

/** What is told of a message that waits. Never holds content. */
export type Notification = Omit<MessageReference, 'isLastLook'> & { readonly unread: number };

/** Hands what could not be delivered to the team's own push service; at least once. */
export interface Notifications {
  publish(notification: Notification): Promise<void>;
}
