import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import { failedMessageIds } from './batch-response.ts';
import type { LocalFunction } from './local-function.ts';

/** Between two attempts when the queue cannot be reached. */
const retryDelayMs = 1_000;

export interface EventSourceOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly target: Pick<LocalFunction, 'invoke'>;
  /** Messages in one invocation; 10 by default, which is also SQS's most. */
  readonly batchSize?: number;
  /** Seconds of one long poll; 20 by default, which is also SQS's most. */
  readonly waitSeconds?: number;
  /** Batches under way at once; 2 by default, as few as AWS allows for `MaximumConcurrency`. */
  readonly concurrency?: number;
  /** Hears of failed polls, invocations and deletions. All of them repair themselves by the visibility time-out. */
  onError?(error: unknown): void;
}

export interface EventSource {
  /** Ends the polls and waits for the batches under way; stopping the function as well cuts those short. */
  stop(): Promise<void>;
}

/**
 * An SQS event source mapping with `ReportBatchItemFailures`: polls the queue, invokes the function, and deletes what
 * succeeded. A message that failed is left alone: it comes back after the queue's visibility time-out, as on AWS.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const { concurrency = 2 } = options;
  const stopping = new AbortController();
  const pollers = Array.from({ length: concurrency }, () => poll(options, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(options: EventSourceOptions, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      const messages = await receive(options, stopping);
      if (messages.length > 0) await handle(options, messages);
    } catch (error) {
      if (stopping.aborted) return;
      options.onError?.(error);
      await sleep(retryDelayMs, undefined, { signal: stopping }).catch(() => {});
    }
  }
}

async function receive(options: EventSourceOptions, stopping: AbortSignal): Promise<Message[]> {
  const { sqs, queueUrl, batchSize = 10, waitSeconds = 20 } = options;
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: batchSize,
    WaitTimeSeconds: waitSeconds,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });
  const { Messages = [] } = await sqs.send(command, { abortSignal: stopping });
  return Messages;
}

async function handle(options: EventSourceOptions, messages: readonly Message[]): Promise<void> {
  const event: SQSEvent = { Records: messages.map((message) => toRecord(message, options.queueArn)) };
  let response: unknown;
  try {
    response = await options.target.invoke(event);
  } catch (error) {
    options.onError?.(error);
    return;
  }
  const failed = failedMessageIds(response, new Set(event.Records.map((record) => record.messageId)));
  await deleteMessages(
    options,
    event.Records.filter((record) => !failed.has(record.messageId)),
  );
}

async function deleteMessages(options: EventSourceOptions, records: readonly SQSRecord[]): Promise<void> {
  if (records.length === 0) return;
  const { Failed = [] } = await options.sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: options.queueUrl,
      Entries: records.map((record, index) => ({ Id: String(index), ReceiptHandle: record.receiptHandle })),
    }),
  );
  for (const { Code, Message } of Failed)
    options.onError?.(new Error(`Message not deleted: ${Code} ${Message}`));
}

function toRecord(message: Message, queueArn: string): SQSRecord {
  const { MessageId = '', ReceiptHandle = '', Body = '', MD5OfBody = '', MD5OfMessageAttributes } = message;
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '',
      SenderId: '',
      ApproximateFirstReceiveTimestamp: '',
      ...message.Attributes,
    },
    messageAttributes: toMessageAttributes(message),
    ...(MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: MD5OfMessageAttributes }),
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}

function toMessageAttributes({ MessageAttributes = {} }: Message): SQSMessageAttributes {
  const attributes: SQSMessageAttributes = {};
  for (const [name, { DataType = '', StringValue, BinaryValue }] of Object.entries(MessageAttributes)) {
    attributes[name] = {
      ...(StringValue === undefined ? {} : { stringValue: StringValue }),
      ...(BinaryValue === undefined ? {} : { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
      stringListValues: [],
      binaryListValues: [],
      dataType: DataType,
    };
  }
  return attributes;
}
