import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { maxReceiveCount } from '#shared/delivery/delivery-queue.ts';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Trace } from '../trace.ts';
import { NotModelled } from './expressions.ts';
import type { Answer } from './wire.ts';

export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  /** How often it has been brought, this time included. */
  readonly receives: number;
}

interface Options {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
  readonly trace: Trace;
  /** Lambda's event source: the ids of those that failed, or `undefined` if the function died. */
  readonly deliver: (records: readonly QueueRecord[]) => Promise<readonly string[] | undefined>;
}

const visibilityTimeoutMs = 30_000;

/** SQS: at least once, after the delay, in any order, in batches, again if it failed; then the dead-letter queue. */
export function makeQueue({ scheduler, dice, faults, trace, deliver }: Options) {
  const sent: string[] = [];
  const dead: QueueRecord[] = [];
  let waiting: QueueRecord[] = [];
  let inFlight = 0;

  function arrive(record: QueueRecord): void {
    waiting.push(record);
    scheduler.after(dice.between(0, 200), receive);
  }

  async function deliverBatch(batch: readonly QueueRecord[]): Promise<void> {
    const failed = await deliver(batch);
    for (const record of batch) {
      const isDone = failed !== undefined && !failed.includes(record.messageId);
      if (isDone && !faults.happens('redelivery')) {
        inFlight -= 1;
      } else if (record.receives >= maxReceiveCount) {
        trace.note(record.messageId, 'goes to the dead-letter queue');
        dead.push(record);
        inFlight -= 1;
      } else {
        scheduler.after(visibilityTimeoutMs, () => arrive({ ...record, receives: record.receives + 1 }));
      }
    }
  }

  function receive(): void {
    if (waiting.length === 0) return;
    const size = dice.between(1, 3);
    const batch = waiting.slice(0, size);
    waiting = waiting.slice(size);
    deliverBatch(batch).catch((error: unknown) => {
      throw error;
    });
  }

  return {
    /** Every body that was ever in it. */
    sent,
    dead,
    isEmpty: () => inFlight === 0,
    perform(command: unknown, answer: Answer<unknown>) {
      if (!(command instanceof SendMessageCommand)) return answer.fail(new NotModelled('an SQS command'));
      const { QueueUrl, MessageBody = '', DelaySeconds = 0, ...unknown } = command.input;
      if (Object.keys(unknown).length > 0 || !QueueUrl) return answer.fail(new NotModelled('an SQS message'));
      const record = { messageId: `record-${sent.length + 1}`, body: MessageBody, receives: 1 };
      sent.push(MessageBody);
      inFlight += 1;
      scheduler.after(DelaySeconds * 1000, () => arrive(record));
      if (faults.happens('redelivery')) {
        inFlight += 1;
        scheduler.after(DelaySeconds * 1000 + dice.between(0, 20_000), () => arrive(record));
      }
      answer.ok({ MessageId: record.messageId });
    },
  };
}

/** EventBridge: keeps the detail of each event. */
export function makeEventBus(faults: Faults) {
  const details: string[] = [];
  return {
    details,
    perform(command: unknown, answer: Answer<unknown>) {
      if (!(command instanceof PutEventsCommand))
        return answer.fail(new NotModelled('an EventBridge command'));
      if (faults.happens('refused'))
        return answer.ok({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] });
      for (const { Detail = '' } of command.input.Entries ?? []) details.push(Detail);
      answer.ok({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] });
    },
  };
}
