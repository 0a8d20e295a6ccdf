import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import type { Notifications } from './notifications.ts';

interface Options {
  readonly events: Pick<EventBridgeClient, 'send'>;
  readonly eventBusName: string;
}

/** What the team's rules match on. */
export const notificationSource = 'postrider';
export const notificationDetailType = 'Message Waiting';

/** "A message is waiting", on EventBridge, without its content; at least once. */
export function makeNotifications({ events, eventBusName }: Options): Notifications {
  return {
    async publish({ recipientId, conversationId, seq, messageId, unread }) {
      const { FailedEntryCount, Entries } = await events.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: eventBusName,
              Source: notificationSource,
              DetailType: notificationDetailType,
              Detail: JSON.stringify({ recipientId, conversationId, seq, messageId, unread }),
            },
          ],
        }),
      );
      // PutEvents answers 200 for entries that it refused.
      if (FailedEntryCount) throw new DependencyFailure(`EventBridge refused: ${Entries?.[0]?.ErrorCode}`);
    },
  };
}
