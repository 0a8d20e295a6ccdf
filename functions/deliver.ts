import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { dynamodbClient } from '#shared/aws/clients.ts';
import { makeDeliverLater } from '#shared/delivery/deliver-later.ts';
import { maxReceiveCount, parseReference } from '#shared/delivery/delivery-queue.sqs.ts';
import {
  connectionGateway,
  connectionsTable,
  conversationLog,
  mailboxesTable,
  messageCipher,
  notifications,
} from '#shared/runtime/parts.ts';
import { clock } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';

const dynamodb = dynamodbClient();
const telemetry = makeTelemetry();
const deliverLater = makeDeliverLater({
  connections: connectionsTable(dynamodb),
  log: conversationLog(dynamodb),
  mailboxes: mailboxesTable(dynamodb),
  cipher: messageCipher(dynamodb, telemetry).cipher,
  gateway: connectionGateway(),
  notifications: notifications(),
  clock,
  telemetry,
});

/**
 * Each record stands for itself: one that came too early or could not be posted comes once more, those that fail do too, and
 * in the end rest in the dead-letter queue.
 */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const again = await Promise.all(
    event.Records.map(async ({ messageId, body, attributes }) => {
      try {
        const isLast = Number(attributes.ApproximateReceiveCount) >= maxReceiveCount;
        const isDone = await deliverLater(parseReference(body), isLast);
        if (!isDone) telemetry.count('DeliverLaterAgain');
        return isDone ? [] : [{ itemIdentifier: messageId }];
      } catch (error) {
        telemetry.error('later delivery failed', error, { messageId });
        telemetry.count('DeliverLaterFailed');
        return [{ itemIdentifier: messageId }];
      }
    }),
  );
  telemetry.flush();
  return { batchItemFailures: again.flat() };
}
