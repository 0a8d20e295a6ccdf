import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Events, startEvents } from '#localstack/emulators/events/events.ts';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { type Sqs, startSqs } from '#localstack/emulators/sqs/sqs.ts';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { functionEnvironment } from '#localstack/stack/function-environment.ts';
import type { BatchResponse } from '#shared/delivery/deliver-handler.ts';
import type { MessageReference } from '#shared/delivery/delivery-queue.ts';
import { startWorld, testEpoch, type World } from '#test/support/world.ts';

let world: World;
let events: Events;
let queue: Sqs;
let api: Server;
let handler: (event: SQSEvent) => Promise<BatchResponse>;

/** Recipients of notifications, those whose notification the bus refuses, connections that refuse, and what was posted. */
const notified: unknown[] = [];
const refused = new Set<unknown>();
const unreachable = new Set<string>();
const posted: { path: string | undefined; frame: unknown }[] = [];

beforeAll(async () => {
  world = await startWorld();
  events = await startEvents({
    onEvent(_, detail) {
      const { recipientId } = detail as MessageReference;
      if (refused.has(recipientId)) throw new Error('refused');
      notified.push(recipientId);
    },
  });
  queue = await startSqs();
  api = createServer(async (request, response) => {
    const frame = JSON.parse(await text(request));
    const { url = '' } = request;
    if ([...unreachable].some((connectionId) => url.endsWith(connectionId))) response.statusCode = 403;
    else posted.push({ path: url, frame });
    response.end();
  });
  const httpUrl = `http://127.0.0.1:${await listenOnLoopback(api)}`;
  const environment = functionEnvironment({
    endpoints: {
      dynamodb: world.dynamodb.endpoint,
      kms: world.kms.endpoint,
      sqs: queue.endpoint,
      events: events.endpoint,
    },
    tableNames: world.dynamodb.tableNames,
    kmsKeyId: world.kms.keyId,
    queueUrl: queue.queueUrl,
    cacheUrl: undefined,
    httpUrl,
    managementUrl: `${httpUrl}/local`,
    issuer: httpUrl,
    audience: 'postrider',
    epoch: testEpoch,
  });
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  ({ handler } = await import('#functions/deliver.ts'));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await closeServer(api);
  await events.stop();
  await queue.stop();
  await world.stop();
});

/** A message to `recipientId`, who has not acknowledged it, and the body that its witness has in the queue. */
async function waitingFor(recipientId: string): Promise<string> {
  const from = await world.join(`sender-of-${recipientId}`);
  const request = { action: 'send', recipientId, content: 'a secret' } as const;
  const { messageId } = await world.environment().send(request, from);
  return JSON.stringify(world.left.find((reference) => reference.messageId === messageId));
}

/** What the function answers to a batch of these bodies, each under its index. */
const deliver = (...bodies: string[]) =>
  handler({
    Records: bodies.map((body, index) => ({ messageId: `record-${index}`, body })),
  } as SQSEvent);

/** How many references wait in the queue for another look. */
async function leftAgain(): Promise<number> {
  const client = new SQSClient(clientSettings(queue.endpoint));
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed'] as const;
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queue.queueUrl, AttributeNames: [...AttributeNames] }),
  );
  client.destroy();
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

const failed = (...indexes: number[]) => ({
  batchItemFailures: indexes.map((index) => ({ itemIdentifier: `record-${index}` })),
});

test('records that are done are not named, so that the queue forgets them', async () => {
  expect(await deliver(await waitingFor('bob'), await waitingFor('carol'))).toStrictEqual(failed());
  expect(notified).toEqual(expect.arrayContaining(['bob', 'carol']));
});

test('a recipient who is there by now gets the message itself, and another look follows', async () => {
  const body = await waitingFor('dave');
  const { connectionId } = await world.join('dave');
  const before = await leftAgain();

  expect(await deliver(body)).toStrictEqual(failed());

  expect((await leftAgain()) - before).toBe(1);

  expect(posted).toMatchObject([
    {
      path: expect.stringContaining(connectionId),
      frame: { type: 'message.new', message: { content: 'a secret' } },
    },
  ]);
  expect(notified).not.toContain('dave');
});

test('what could not be posted gets another look, after which somebody is notified', async () => {
  const body = await waitingFor('mallory');
  const { connectionId } = await world.join('mallory');
  unreachable.add(connectionId);

  const before = await leftAgain();

  expect(await deliver(body)).toStrictEqual(failed());
  expect((await leftAgain()) - before).toBe(1);
  expect(notified).not.toContain('mallory');

  expect(await deliver(JSON.stringify({ ...JSON.parse(body), isLastLook: true }))).toStrictEqual(failed());
  expect(notified.filter((one) => one === 'mallory')).toHaveLength(1);
  unreachable.clear();
});

test('bad records among good ones come again, and they alone', async () => {
  refused.add('frank');
  const good = [await waitingFor('erin'), await waitingFor('grace'), await waitingFor('heidi')] as const;
  const unpublished = await waitingFor('frank');

  const response = await deliver(good[0], 'no JSON', good[1], unpublished, '{"recipientId":"erin"}', good[2]);

  expect(response).toStrictEqual(failed(1, 3, 4));
  for (const recipient of ['erin', 'grace', 'heidi'])
    expect(notified.filter((one) => one === recipient)).toHaveLength(1);
  expect(notified).not.toContain('frank');
});

test('what failed succeeds when it comes again', async () => {
  refused.add('ivan');
  const body = await waitingFor('ivan');
  expect(await deliver(body)).toStrictEqual(failed(0));
  refused.clear();

  expect(await deliver(body)).toStrictEqual(failed());

  expect(notified.filter((one) => one === 'ivan')).toHaveLength(1);
});

test('what came before its message comes again, and is no failure', async () => {
  const body = { ...JSON.parse(await waitingFor('judy')), seq: 2 };
  const before = await leftAgain();

  expect(await deliver(JSON.stringify(body))).toStrictEqual(failed());

  expect((await leftAgain()) - before).toBe(1);

  expect(notified).not.toContain('judy');
});

test('a batch of which nothing can be done comes again whole', async () => {
  expect(await deliver('', 'null', '[]', '7')).toStrictEqual(failed(0, 1, 2, 3));
});
