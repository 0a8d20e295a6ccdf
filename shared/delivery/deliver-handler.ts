import type { FlushableTelemetry } from '#shared/runtime/telemetry.ts';
import type { DeliverLater } from './deliver-later.ts';
import { maxReceiveCount, parseReference } from './delivery-queue.ts';

/** What is used of SQS's event. */
export interface QueueEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
  }[];
}

/** The records that are to come again. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

interface Options {
  readonly deliverLater: DeliverLater;
  readonly telemetry: FlushableTelemetry;
}

/**
 * A batch of the delivery queue. Each record stands for itself: one that came too early or could not be posted comes once
 * more, those that fail do too, and in the end rest in the dead-letter queue.
 */
export function makeDeliverHandler({ deliverLater, telemetry }: Options) {
  return async ({ Records }: QueueEvent): Promise<BatchResponse> => {
    const again = await Promise.all(
      Records.map(async ({ messageId, body, attributes }) => {
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
  };
}
