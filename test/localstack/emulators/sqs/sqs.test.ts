import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { type Sqs, type SqsOptions, startSqs } from '#localstack/emulators/sqs/sqs.ts';

let sqs: Sqs;
let client: SQSClient;

async function start(options: SqsOptions = {}) {
  sqs = await startSqs(options);
  client = new SQSClient(clientSettings(sqs.endpoint));
}

async function stop() {
  client.destroy();
  await sqs.stop();
}

afterEach(() => stop());

function send(MessageBody: string, DelaySeconds = 0) {
  return client.send(new SendMessageCommand({ QueueUrl: sqs.queueUrl, MessageBody, DelaySeconds }));
}

async function receive(QueueUrl = sqs.queueUrl, settings: { VisibilityTimeout?: number } = {}) {
  const { Messages } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2, MaxNumberOfMessages: 10, ...settings }),
  );
  return Messages ?? [];
}

async function attributes(QueueUrl: string) {
  const answer = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return answer.Attributes ?? {};
}

describe('the delivery queue', () => {
  beforeEach(() => start());

  it('hides what was received for a minute, and gives up after five receipts', async () => {
    const queue = await attributes(sqs.queueUrl);
    const dead = await attributes(sqs.deadLetterQueueUrl);
    expect(queue).toMatchObject({ QueueArn: sqs.queueArn, VisibilityTimeout: '60' });
    expect(JSON.parse(queue.RedrivePolicy ?? '')).toEqual({
      deadLetterTargetArn: dead.QueueArn,
      maxReceiveCount: 5,
    });
    expect(sqs.queueArn).toBe('arn:aws:sqs:us-east-1:000000000000:postrider-deliver');
    expect(dead.QueueArn).toBe('arn:aws:sqs:us-east-1:000000000000:postrider-deliver-dead');
  });

  it('delivers, deletes, and delays', async () => {
    await send('now');
    await send('later', 900);
    const [message, ...others] = await receive();
    expect([message?.Body, others]).toEqual(['now', []]);
    await client.send(
      new DeleteMessageCommand({ QueueUrl: sqs.queueUrl, ReceiptHandle: message?.ReceiptHandle }),
    );
    expect(await attributes(sqs.queueUrl)).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '1',
    });
  });

  it('moves a message that was received five times to the dead-letter queue', async () => {
    await send('poison');
    for (let receipt = 1; receipt <= 5; receipt++)
      expect((await receive(sqs.queueUrl, { VisibilityTimeout: 0 })).map(({ Body }) => Body)).toEqual([
        'poison',
      ]);
    expect(await receive(sqs.queueUrl, { VisibilityTimeout: 0 })).toEqual([]);
    expect((await receive(sqs.deadLetterQueueUrl)).map(({ Body }) => Body)).toEqual(['poison']);
  });

  it('is on loopback, and is nothing but SQS', async () => {
    expect(new URL(sqs.endpoint).hostname).toBe('127.0.0.1');
    for (const [method, path] of [
      ['PUT', '/bucket'],
      ['GET', '/health'],
      ['POST', '/'],
    ])
      expect((await fetch(`${sqs.endpoint}${path}`, { method: method ?? '' })).status).toBe(404);
  });
});

describe('a queue with a directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'postrider-sqs-'));
    await start({ directory });
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('keeps what was not deleted over a restart on another port', async () => {
    await send('deleted');
    const [deleted] = await receive();
    await client.send(
      new DeleteMessageCommand({ QueueUrl: sqs.queueUrl, ReceiptHandle: deleted?.ReceiptHandle }),
    );
    await send('received');
    await receive();
    await send('waiting');
    await send('delayed', 900);
    const before = sqs.queueUrl;
    await stop();
    await start({ directory });

    expect(sqs.queueUrl).not.toBe(before);
    expect(await attributes(sqs.queueUrl)).toMatchObject({
      VisibilityTimeout: '60',
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesNotVisible: '1',
      ApproximateNumberOfMessagesDelayed: '1',
    });
    expect((await receive()).map(({ Body }) => Body)).toEqual(['waiting']);
    await send('new');
    expect((await receive()).map(({ Body }) => Body)).toEqual(['new']);
  });
});
