import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { isConversationId } from '#shared/log/conversation.ts';
import { isUserId } from '#shared/protocol/user-id.ts';
import type { DeliveryQueue, MessageReference } from './delivery-queue.ts';

interface Options {
  readonly sqs: Pick<SQSClient, 'send'>;
  readonly queueUrl: string;
}

/** Long enough for the recipient to have acknowledged, so that most references need no work. */
const lookAgainAfterSeconds = 10;

/** How often a reference is brought before it rests in the dead-letter queue: AWS advises five at least for Lambda. */
export const maxReceiveCount = 5;

/** References to messages, each of which comes back for a second look. */
export function makeDeliveryQueue({ sqs, queueUrl }: Options): DeliveryQueue {
  return {
    async leave({ recipientId, conversationId, seq, messageId }) {
      const reference: MessageReference = { recipientId, conversationId, seq, messageId };
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(reference),
          DelaySeconds: lookAgainAfterSeconds,
        }),
      );
    },
  };
}

/** Reads the body of a queue's record. Throws on anything that we did not write. */
export function parseReference(body: string): MessageReference {
  const { recipientId, conversationId, seq, messageId } = Object(JSON.parse(body));
  const isOurs =
    isUserId(recipientId) &&
    typeof conversationId === 'string' &&
    isConversationId(conversationId) &&
    Number.isSafeInteger(seq) &&
    seq >= 1 &&
    typeof messageId === 'string';
  if (!isOurs) throw new Error('The record is not a message reference.');
  return { recipientId, conversationId, seq, messageId };
}
