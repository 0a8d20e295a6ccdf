import type { MessageReference } from './delivery-queue.ts';

/** Hands what could not be delivered to the team's own push service; at least once. */
export interface Notifications {
  publish(notification: MessageReference & { readonly unread: number }): Promise<void>;
}
