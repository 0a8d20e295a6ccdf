import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type EventSource,
  type EventSourceOptions,
  startEventSource,
} from '#localstack/emulators/lambda/event-source.ts';
import { openWorkshop } from './function-from.ts';

const patience = { timeout: 25_000, interval: 20 };
const visibilityTimeoutSeconds = 2;

let server: FauxqsServer;
let sqs: SQSClient;
let queue: { queueUrl: string; queueArn: string };
let sources: EventSource[];
let errors: unknown[];

beforeEach(async () => {
  server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
  sqs = clientOf(server.port);
  const deadLetters = server.createQueue('dead-letters');
  queue = server.createQueue('deliveries', {
    attributes: {
      VisibilityTimeout: String(visibilityTimeoutSeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.queueArn, maxReceiveCount: 2 }),
    },
  });
  sources = [];
  errors = [];
});

afterEach(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  sqs.destroy();
  await server.stop();
});

function clientOf(port: number): SQSClient {
  return new SQSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

type Answer = (event: SQSEvent) => unknown;

/** Starts an event source whose function answers as told, and returns the bodies of the batches that it got. */
function start(answer: Answer, options: Partial<EventSourceOptions> = {}): string[][] {
  const batches: string[][] = [];
  const target = {
    async invoke(event: unknown) {
      const batch = event as SQSEvent;
      batches.push(batch.Records.map(({ body }) => body));
      return await answer(batch);
    },
  };
  sources.push(
    startEventSource({
      sqs,
      ...queue,
      target,
      waitSeconds: 1,
      onError: (error) => errors.push(error),
      ...options,
    }),
  );
  return batches;
}

async function send(...bodies: string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.queueUrl, Entries }));
}

/** The bodies of all that a queue holds, visible or not. */
function held(name: 'deliveries' | 'dead-letters'): string[] {
  const messages = server.inspectQueue(name)?.messages;
  if (messages === undefined) throw new Error(`There is no queue ${name}.`);
  const { ready, delayed, inflight } = messages;
  return [...ready, ...delayed, ...inflight.map(({ message }) => message)].map(({ body }) => body).sort();
}

describe('an event source', () => {
  it('invokes the function with records as Lambda makes them', async () => {
    const events: SQSEvent[] = [];
    start((event) => void events.push(event));

    const { messageId, md5OfBody, md5OfMessageAttributes } = server.sendMessage('deliveries', 'hello', {
      messageAttributes: {
        kind: { DataType: 'String', StringValue: 'reference' },
        bytes: { DataType: 'Binary', BinaryValue: 'AQID' },
      },
    });
    await vi.waitFor(() => expect(events).toHaveLength(1), patience);

    expect(events).toEqual([
      {
        Records: [
          {
            messageId,
            receiptHandle: expect.stringMatching(/./),
            body: 'hello',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: expect.stringMatching(/^\d{13}$/),
              SenderId: expect.stringMatching(/./),
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
            },
            messageAttributes: {
              kind: {
                dataType: 'String',
                stringValue: 'reference',
                stringListValues: [],
                binaryListValues: [],
              },
              bytes: { dataType: 'Binary', binaryValue: 'AQID', stringListValues: [], binaryListValues: [] },
            },
            md5OfBody,
            md5OfMessageAttributes,
            eventSource: 'aws:sqs',
            eventSourceARN: queue.queueArn,
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
  });

  it('passes messages on in batches and deletes what succeeded', async () => {
    const bodies = ['a', 'b', 'c', 'd', 'e'];
    await send(...bodies);

    const batches = start(() => undefined, { batchSize: 3 });

    await vi.waitFor(() => expect(batches.flat().toSorted()).toEqual(bodies), patience);
    await vi.waitFor(() => expect(held('deliveries')).toEqual([]), patience);
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(3);
    expect(errors).toEqual([]);
  });

  it('gives those that failed another try, and those alone', async () => {
    await send('good', 'bad', 'fine');
    const batches = start((event) => {
      const failed = event.Records.filter(
        ({ body, attributes }) => body === 'bad' && attributes.ApproximateReceiveCount === '1',
      );
      return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
    });

    await vi.waitFor(() => expect(batches).toHaveLength(2), patience);

    expect(batches).toEqual([['good', 'bad', 'fine'], ['bad']]);
    await vi.waitFor(() => expect(held('deliveries')).toEqual([]), patience);
    expect(held('dead-letters')).toEqual([]);
  });

  it('leaves the whole batch to the visibility time-out when the function fails, and in the end to the dead letters', async () => {
    await send('one', 'two');
    const batches = start(() => Promise.reject(new Error('out of order')));

    await vi.waitFor(() => expect(held('dead-letters')).toEqual(['one', 'two']), patience);

    expect(batches.flat().toSorted()).toEqual(['one', 'one', 'two', 'two']);
    expect(held('deliveries')).toEqual([]);
    expect(errors).toHaveLength(batches.length);
  });

  it('takes an answer that names an unknown message for failure of the whole batch', async () => {
    await send('one', 'two');
    const batches = start(({ Records }) => {
      const isFirstTry = Records.some(({ attributes }) => attributes.ApproximateReceiveCount === '1');
      return isFirstTry ? { batchItemFailures: [{ itemIdentifier: 'somebody-else' }] } : {};
    });

    await vi.waitFor(() => expect(batches.flat()).toHaveLength(4), patience);
    await vi.waitFor(() => expect(held('deliveries')).toEqual([]), patience);
    expect(batches.flat().toSorted()).toEqual(['one', 'one', 'two', 'two']);
  });

  it('has as many batches under way as it may, and no more', async () => {
    let underWay = 0;
    let most = 0;
    const release: (() => void)[] = [];
    await send('a', 'b', 'c', 'd');
    const answer = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise<void>((resolve) => release.push(resolve));
      underWay -= 1;
    };
    const batches = start(answer, { batchSize: 1, concurrency: 2 });

    await vi.waitFor(() => expect(underWay).toBe(2), patience);
    await vi.waitFor(() => {
      for (const resolve of release.splice(0)) resolve();
      expect(held('deliveries')).toEqual([]);
    }, patience);

    expect(most).toBe(2);
    expect(batches.flat()).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd']));
  });

  it('goes on after the queue could not be reached', async () => {
    const queueUrl = queue.queueUrl.replace('deliveries', 'late');
    const batches = start(() => undefined, { queueUrl });
    await vi.waitFor(() => expect(errors).not.toEqual([]), patience);

    server.createQueue('late');
    server.sendMessage('late', 'hello');

    await vi.waitFor(() => expect(batches).toEqual([['hello']]), patience);
  });

  it('stops in the middle of a long poll, and takes nothing more', async () => {
    const batches = start(() => undefined, { waitSeconds: 20 });
    await send('before');
    await vi.waitFor(() => expect(batches).toEqual([['before']]), patience);
    const [source] = sources;

    await source?.stop();
    await send('after');

    await expectStillQueued('after');
    expect(batches).toEqual([['before']]);
    expect(errors).toEqual([]);
  });

  it('stops although the queue never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const client = clientOf(port);
    start(() => undefined, { sqs: client, concurrency: 1 });
    await once(silent, 'request');
    const [source] = sources;

    await source?.stop();

    expect(errors).toEqual([]);
    client.destroy();
    silent.closeAllConnections();
    silent.close();
  });

  it('lets a batch under way finish before it has stopped', async () => {
    const finish: (() => void)[] = [];
    await send('slow');
    start(() => new Promise<void>((resolve) => finish.push(resolve)));
    await vi.waitFor(() => expect(finish).toHaveLength(1), patience);
    const [source] = sources;
    const order: string[] = [];

    const stopped = source?.stop().then(() => order.push('stopped'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    order.push('finished');
    finish[0]?.();
    await stopped;

    expect(order).toEqual(['finished', 'stopped']);
    expect(held('deliveries')).toEqual([]);
  });

  it('works with a local function', async () => {
    await using workshop = await openWorkshop();
    const lines: string[] = [];
    const target = await workshop.functionFrom(
      `export async function handler({ Records }) {
        const batchItemFailures = [];
        for (const { messageId, body, attributes } of Records) {
          console.log(body, attributes.ApproximateReceiveCount);
          if (body === 'fatal') process.exit(1);
          if (body === 'bad' && attributes.ApproximateReceiveCount === '1') batchItemFailures.push({ itemIdentifier: messageId });
        }
        return { batchItemFailures };
      }`,
      { onLog: (line) => lines.push(line) },
    );
    sources.push(startEventSource({ sqs, ...queue, target, waitSeconds: 1, batchSize: 1 }));

    await send('good', 'bad', 'fatal');

    await vi.waitFor(() => {
      expect(held('dead-letters')).toEqual(['fatal']);
      expect(held('deliveries')).toEqual([]);
    }, patience);
    expect(lines.toSorted()).toEqual(['bad 1', 'bad 2', 'fatal 1', 'fatal 2', 'good 1']);
    await Promise.all(sources.splice(0).map((source) => source.stop()));
  });
});

/** A poll that was cut off may still take one message out of the emulator's queue; it comes back as from a dead poller. */
async function expectStillQueued(body: string): Promise<void> {
  await vi.waitFor(async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue.queueUrl }));
    expect(Messages.map((message) => message.Body)).toEqual([body]);
    for (const { ReceiptHandle } of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.queueUrl, ReceiptHandle }));
    }
  }, patience);
}
