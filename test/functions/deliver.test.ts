import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Events, startEvents } from '#localstack/emulators/events/events.ts';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { functionEnvironment } from '#localstack/stack/function-environment.ts';
import type { BatchResponse } from '#shared/delivery/deliver-handler.ts';
import type { MessageReference } from '#shared/delivery/delivery-queue.ts';
import { startWorld, testEpoch, type World } from '#test/support/world.ts';

let world: World;
let events: Events;
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
      sqs: httpUrl,
      events: events.endpoint,
    },
    tableNames: world.dynamodb.tableNames,
    kmsKeyId: world.kms.keyId,
    queueUrl: httpUrl,
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
const deliver = (...bodies: string[]) => deliverAt(1, bodies);

/** The same when the queue brings them for the so-manieth time. */
const deliverAt = (receives: number, bodies: readonly string[]) =>
  handler({
    Records: bodies.map((body, index) => ({
      messageId: `record-${index}`,
      body,
      attributes: { ApproximateReceiveCount: String(receives) },
    })),
  } as SQSEvent);

const failed = (...indexes: number[]) => ({
  batchItemFailures: indexes.map((index) => ({ itemIdentifier: `record-${index}` })),
});

test('records that are done are not named, so that the queue forgets them', async () => {
  expect(await deliver(await waitingFor('bob'), await waitingFor('carol'))).toStrictEqual(failed());
  expect(notified).toEqual(expect.arrayContaining(['bob', 'carol']));
});

test('a recipient who is there by now gets the message itself', async () => {
  const body = await waitingFor('dave');
  const { connectionId } = await world.join('dave');

  expect(await deliver(body)).toStrictEqual(failed());

  expect(posted).toMatchObject([
    {
      path: expect.stringContaining(connectionId),
      frame: { type: 'message.new', message: { content: 'a secret' } },
    },
  ]);
  expect(notified).not.toContain('dave');
});

test('what could not be posted comes again, but is never set aside', async () => {
  const body = await waitingFor('mallory');
  const { connectionId } = await world.join('mallory');
  unreachable.add(connectionId);

  expect(await deliverAt(4, [body])).toStrictEqual(failed(0));
  expect(await deliverAt(5, [body])).toStrictEqual(failed());
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

  expect(await deliver(JSON.stringify(body))).toStrictEqual(failed(0));

  expect(notified).not.toContain('judy');
});

test('a batch of which nothing can be done comes again whole', async () => {
  expect(await deliver('', 'null', '[]', '7')).toStrictEqual(failed(0, 1, 2, 3));
});
