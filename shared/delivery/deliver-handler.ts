import type { FunctionTelemetry, Telemetry } from '#shared/runtime/telemetry.ts';
import type { DeliverLater } from './deliver-later.ts';
import { parseReference } from './delivery-queue.ts';

/** What is used of SQS's event. */
export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}

interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
}

/** The records that are to come again. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

interface Options {
  readonly deliverLaterTelling: (telemetry: Telemetry) => DeliverLater;
  readonly telemetry: FunctionTelemetry;
}

/**
 * A batch of the delivery queue. Each record stands for itself: one that fails comes again after the visibility time-out,
 * and in the end rests in the dead-letter queue.
 */
export function makeDeliverHandler({ deliverLaterTelling, telemetry }: Options) {
  /** Whether it is to come again. */
  async function lookAgain({ messageId, body }: QueueRecord): Promise<boolean> {
    let told = telemetry.of({});
    try {
      const reference = parseReference(body);
      const { recipientId: userId, conversationId, seq } = reference;
      told = telemetry.of({ userId, conversationId, seq, messageId: reference.messageId });
      const outcome = await deliverLaterTelling(told)(reference);
      if (outcome === 'leftAgain') telemetry.count('DeliverLaterAgain');
      return false;
    } catch (error) {
      told.error('later delivery failed', error, { recordId: messageId });
      telemetry.count('DeliverLaterFailed');
      return true;
    }
  }

  return async ({ Records }: QueueEvent, context?: unknown): Promise<BatchResponse> => {
    telemetry.begin(context, { action: 'deliver' });
    const again = await Promise.all(Records.map(lookAgain));
    telemetry.flush();
    const failed = Records.filter((_, index) => again[index]);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
