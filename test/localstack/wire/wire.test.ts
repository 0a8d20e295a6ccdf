import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { startWire, type Wire, type WireCall, type WireOutcome } from '#localstack/wire/wire.ts';

/** What reached the service behind the wire. */
const received: { path: string; target: string; body: string; port: number }[] = [];
let answerWith: (response: ServerResponse) => void;
let service: Server;
let wire: Wire;
let stopObserving: () => void;
const began: WireCall[] = [];
const ended: [WireCall, WireOutcome][] = [];

beforeAll(async () => {
  service = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const { url: path = '', headers, socket } = request;
    const target = String(headers['x-amz-target'] ?? '');
    received.push({ path, target, body: await text(request), port: socket.remotePort ?? 0 });
    answerWith(response);
  });
  const endpoint = `http://127.0.0.1:${await listenOnLoopback(service)}`;
  wire = await startWire({
    services: { dynamodb: endpoint, sqs: endpoint, kms: endpoint, events: endpoint, connections: endpoint },
  });
});

afterAll(async () => {
  await wire.stop();
  await closeServer(service);
});

beforeEach(() => {
  received.length = began.length = ended.length = 0;
  answerWith = (response) => response.end('{}');
  stopObserving = wire.observe({
    callBegan: (call) => began.push(call),
    callEnded: (call, outcome) => ended.push([call, outcome]),
  });
});

afterEach(() => {
  stopObserving();
  wire.intercept(undefined);
});

const call = (target: string, body = '{"TableName":"t"}', headers = {}) =>
  fetch(wire.endpoint, { method: 'POST', body, headers: { 'x-amz-target': target, ...headers } });

test('each request goes to the service that it names, and its answer comes back as it was', async () => {
  answerWith = (response) => {
    response.writeHead(400, { 'x-amzn-requestid': 'r-1', 'content-type': 'application/x-amz-json-1.0' });
    response.end('{"__type":"ConditionalCheckFailedException"}');
  };
  const response = await call(
    'DynamoDB_20120810.PutItem',
    '{"TableName":"t","ReturnConsumedCapacity":"NONE"}',
  );

  expect(response.status).toBe(400);
  expect(response.headers.get('x-amzn-requestid')).toBe('r-1');
  expect(await response.text()).toBe('{"__type":"ConditionalCheckFailedException"}');
  expect(received.map(({ path, target, body }) => [path, target, body])).toStrictEqual([
    ['/', 'DynamoDB_20120810.PutItem', '{"TableName":"t","ReturnConsumedCapacity":"NONE"}'],
  ]);
});

test.each([
  ['AmazonSQS.SendMessage', 'sqs', 'SendMessage'],
  ['TrentService.Decrypt', 'kms', 'Decrypt'],
  ['AWSEvents.PutEvents', 'events', 'PutEvents'],
  ['DynamoDB_20120810.Query', 'dynamodb', 'Query'],
])('%s is told from begin to end', async (target, name, operation) => {
  await (await call(target)).text();

  expect(began).toMatchObject([{ service: name, operation, invocation: undefined }]);
  const [[observed, outcome] = []] = ended;
  expect(observed).toBe(began[0]);
  expect(outcome?.answer).toMatchObject({ statusCode: 200, body: Buffer.from('{}') });
  expect(outcome?.endedAt).toBeGreaterThanOrEqual(observed?.beganAt ?? Number.POSITIVE_INFINITY);
});

test('@connections is told by its method, whatever the stage', async () => {
  await fetch(`${wire.endpoint}/local/@connections/abc%3D`, { method: 'POST', body: 'hello' });
  answerWith = (response) => response.writeHead(204).end();
  const { status } = await fetch(`${wire.endpoint}/prod/%40connections/abc%3D`, { method: 'DELETE' });

  expect(status).toBe(204);
  expect(received.map(({ path }) => path)).toStrictEqual([
    '/local/@connections/abc%3D',
    '/prod/%40connections/abc%3D',
  ]);
  expect(began.map(({ operation }) => operation)).toStrictEqual(['PostToConnection', 'DeleteConnection']);
});

test('what names no service goes nowhere', async () => {
  expect((await call('DynamoDBStreams_20120810.GetRecords')).status).toBe(404);
  expect((await fetch(`${wire.endpoint}/`)).status).toBe(404);
  expect(received).toStrictEqual([]);
});

test('connections stay open on both sides', async () => {
  const dynamodb = new DynamoDBClient(clientSettings(wire.endpoint));
  for (let index = 0; index < 5; index += 1)
    await dynamodb.send(new GetItemCommand({ TableName: 't', Key: { key: { S: 'k' } } }));
  dynamodb.destroy();

  expect(received).toHaveLength(5);
  expect(new Set(received.map(({ port }) => port)).size).toBe(1);
});

test('DynamoDB is asked what it charges, and what it says is told', async () => {
  answerWith = (response) =>
    response.end(
      '{"ConsumedCapacity":[{"TableName":"t","CapacityUnits":4},{"TableName":"u","CapacityUnits":2}]}',
    );
  await (await call('DynamoDB_20120810.TransactWriteItems')).text();
  await (await call('DynamoDB_20120810.BatchGetItem')).text();
  await (await call('DynamoDB_20120810.DescribeTable')).text();
  await (await call('AmazonSQS.SendMessage')).text();

  const asks = '{"ReturnConsumedCapacity":"TOTAL","TableName":"t"}';
  const plain = '{"TableName":"t"}';
  expect(received.map(({ body }) => body)).toStrictEqual([asks, asks, plain, plain]);
  expect(ended.map(([, { consumed }]) => consumed).slice(0, 2)).toStrictEqual([
    { read: 0, write: 6 },
    { read: 6, write: 0 },
  ]);
  stopObserving();
  await (await call('DynamoDB_20120810.Query')).text();
  expect(received.at(-1)?.body).toBe(plain);
});

test('a call is of the invocation whose trace it carries, while that one is under way', async () => {
  const root = 'Root=1-67891233-abcdef012345678912345678';
  const invocation = {
    functionName: 'send',
    requestId: 'r',
    trace: root,
    event: {},
    environmentId: 'e',
    coldStart: false,
  };
  const traced = () =>
    call('AmazonSQS.SendMessage', '{}', { 'X-Amzn-Trace-Id': `${root};Parent=53995c3f42cd8ad8` });
  wire.invocations.started?.(invocation);
  await (await traced()).text();
  wire.invocations.ended?.(invocation, 'returned');
  await (await traced()).text();

  expect(began.map((one) => one.invocation)).toStrictEqual([invocation, undefined]);
});

test('an interceptor refuses before anything has happened', async () => {
  const body = Buffer.from('{"__type":"ThrottlingException"}');
  wire.intercept(async () => ({ statusCode: 400, headers: { 'x-fault': '1' }, body }));
  const response = await call('DynamoDB_20120810.Query');

  expect([response.status, response.headers.get('x-fault'), await response.text()]).toStrictEqual([
    400,
    '1',
    '{"__type":"ThrottlingException"}',
  ]);
  expect(received).toStrictEqual([]);
});

test('an interceptor loses the answer after the effect: the SDK sees a cut connection', async () => {
  wire.intercept(async (_call, forward) => {
    await forward();
    return 'cut';
  });
  const api = new ApiGatewayManagementApiClient({
    ...clientSettings(`${wire.endpoint}/local`),
    maxAttempts: 1,
  });
  const posting = api.send(new PostToConnectionCommand({ ConnectionId: 'abc=', Data: 'hello' }));

  await expect(posting).rejects.toMatchObject({ code: 'ECONNRESET' });
  api.destroy();
  expect(received.map(({ body }) => body)).toStrictEqual(['hello']);
  expect(ended.map(([, { answer }]) => answer)).toStrictEqual([undefined]);
});

test('an interceptor chooses by what is called, delays, repeats and lets go again', async () => {
  const order: string[] = [];
  wire.intercept(async ({ operation }, forward) => {
    if (operation !== 'Query') return forward();
    await forward();
    order.push('first effect');
    return forward();
  });
  await (await call('DynamoDB_20120810.Query')).text();
  order.push('answered');
  await (await call('DynamoDB_20120810.Scan')).text();
  wire.intercept(undefined);
  await (await call('DynamoDB_20120810.Query')).text();

  expect(order).toStrictEqual(['first effect', 'answered']);
  expect(received).toHaveLength(4);
});

test('a service that cuts the connection cuts it for the function; an interceptor that throws says so', async () => {
  answerWith = (response) => response.destroy();
  await expect(call('DynamoDB_20120810.Query')).rejects.toThrow();
  wire.intercept(async () => {
    throw new Error('a mistake of the test');
  });
  const response = await call('DynamoDB_20120810.Query');
  expect([response.status, await response.text()]).toStrictEqual([
    500,
    expect.stringContaining('a mistake of the test'),
  ]);
  expect(received).toHaveLength(1);
});
