import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeliveryQueue, MessageReference } from './delivery-queue.ts';

interface Options {
  readonly sqs: Pick<SQSClient, 'send'>;
  readonly queueUrl: string;
}

/** Long enough for the recipient to have acknowledged, so that most references need no work. */
const lookAgainAfterSeconds = 10;

/** References to messages, each of which comes back for a second look. */
export function makeDeliveryQueue({ sqs, queueUrl }: Options): DeliveryQueue {
  return {
    async leave(
      { recipientId, conversationId, seq, messageId, isLastLook },
      afterSeconds = lookAgainAfterSeconds,
    ) {
      const reference: MessageReference = {
        recipientId,
        conversationId,
        seq,
        messageId,
        ...(isLastLook && { isLastLook }),
      };
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(reference),
          DelaySeconds: afterSeconds,
        }),
      );
    },
  };
}
