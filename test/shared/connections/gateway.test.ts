import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { managementApiClient } from '#shared/aws/clients.ts';
import { makeManagementApi } from '#shared/connections/gateway.apigateway.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';

/** How API Gateway answers: a status, with the name of the SDK's exception; or not at all. */
type Answer = readonly [status: number, error?: string, message?: string] | 'silence' | 'reset';

const gone: Answer = [410, 'GoneException'];
const throttled: Answer = [429, 'LimitExceededException'];
const full: Answer = [429, 'LimitExceededException', 'The client-side buffer is full'];
/** As AWS's page describes the exception. */
const either: Answer = [
  429,
  'LimitExceededException',
  'The client is sending more than the allowed number of requests per unit of time or the WebSocket client side buffer is full.',
];

let server: Server;
let requests: { line: string; body: string }[];
let answers: Answer[];
let slept: number;
/** How long a pause takes, in milliseconds: a function may freeze in it. */
let pauseMs: number;
let now: number;
let api: ConnectionGateway;

beforeEach(async () => {
  [requests, answers, slept, pauseMs, now] = [[], [], 0, 0, 0];
  server = createServer((request, response) => void answer(request, response));
  const port = await listenOnLoopback(server);
  vi.stubEnv('MANAGEMENT_ENDPOINT', `http://127.0.0.1:${port}/local`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  // A busy machine may answer later than a gateway may. Where an answer is expected, it is waited for.
  api = makeApi(30_000);
});

interface HttpHandler {
  updateHttpClientConfig(name: 'connectionTimeout' | 'requestTimeout', milliseconds: number): void;
}

/** Over the client as the functions have it, whose retries and time limits are part of what is promised. */
function makeApi(limitMs?: number): ConnectionGateway {
  const client = managementApiClient();
  const { requestHandler } = client.config as unknown as { requestHandler: HttpHandler };
  if (limitMs !== undefined)
    for (const name of ['connectionTimeout', 'requestTimeout'] as const)
      requestHandler.updateHttpClientConfig(name, limitMs);
  const sleep = async () => {
    slept += 1;
    now += pauseMs;
  };
  return makeManagementApi({ api: client, clock: { now: () => now, sleep }, random: () => 1 });
}

afterEach(async () => {
  vi.unstubAllEnvs();
  await closeServer(server);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  requests.push({ line: `${request.method} ${request.url}`, body: await text(request) });
  const planned = answers.shift() ?? [200];
  if (planned === 'silence') return;
  if (planned === 'reset') {
    request.socket.destroy();
    return;
  }
  const [status, error, message = 'why'] = planned;
  response.writeHead(status, error ? { 'x-amzn-ErrorType': error, 'content-type': 'application/json' } : {});
  response.end(error && JSON.stringify({ message }));
}

/** What is never sent twice: the operations differ in nothing but what they do. */
const operations = [
  ['post', () => api.post('TXzPWdnOjoECGjA=', '{"content":"grüße"}')],
  ['post, and not again', () => api.post('TXzPWdnOjoECGjA=', '{"content":"x"}', { mayRepeat: false })],
  ['close', () => api.close('TXzPWdnOjoECGjA=')],
] as const;

test('a frame is posted as it is, to the connection’s own address', async () => {
  expect(await api.post('TXzPWdnOjoECGjA=', '{"content":"grüße"}')).toBe('posted');

  const line = 'POST /local/@connections/TXzPWdnOjoECGjA%3D';
  expect(requests.map(({ line: sent, body }) => [decodeAt(sent), body])).toStrictEqual([
    [line, '{"content":"grüße"}'],
  ]);
});

test('a connection is closed at the same address', async () => {
  answers = [[204]];

  expect(await api.close('TXzPWdnOjoECGjA=')).toBe('closed');

  expect(requests.map(({ line }) => decodeAt(line))).toStrictEqual([
    'DELETE /local/@connections/TXzPWdnOjoECGjA%3D',
  ]);
});

/** The SDK may encode the sign of the path's first part. */
const decodeAt = (line: string) => line.replace('%40', '@');

test('a 410 says that the connection is gone; it is no error, and is not repeated', async () => {
  answers = [gone, gone];

  expect(await api.post('c', 'x')).toBe('gone');
  expect(await api.close('c')).toBe('gone');

  expect(requests).toHaveLength(2);
});

test.for(operations)('%s: what was throttled was not sent, and is sent again', async ([, operate]) => {
  answers = [throttled, throttled, throttled];

  await expect(operate()).resolves.not.toThrow();

  expect(requests).toHaveLength(4);
  expect(slept).toBe(3);
});

test.for([undefined, { mayRepeat: true }])('a full socket is tried once (%o)', async (options) => {
  answers = Array.from({ length: 9 }, () => full);

  expect(await api.post('c', 'x', options)).toBe('full');

  expect(requests).toHaveLength(1);
  expect(slept).toBe(0);
});

test('a slow reader is waited for, where one asks for it', async () => {
  answers = [full, full, throttled, full];

  expect(await api.post('c', 'x', { waitsForReader: true })).toBe('posted');

  expect(requests).toHaveLength(5);
});

test.for([
  [0, 12],
  [400, 8],
] as const)('and not for ever: with pauses of %i ms after %i tries it is full', async ([pause, tries]) => {
  answers = Array.from({ length: 20 }, () => full);
  pauseMs = pause;

  expect(await api.post('c', 'x', { waitsForReader: true })).toBe('full');

  expect(requests).toHaveLength(tries);
});

test('words that may tell of a throttle are taken for one', async () => {
  answers = Array.from({ length: 9 }, () => either);

  await expect(api.post('c', 'x')).rejects.toMatchObject({ name: 'LimitExceededException' });

  expect(requests).toHaveLength(4);
});

test('gone in the meantime is gone all the same', async () => {
  answers = [throttled, gone];

  expect(await api.post('c', 'x')).toBe('gone');
});

test.for(operations)('%s: throttled for good is thrown after four attempts', async ([, operate]) => {
  answers = Array.from({ length: 9 }, () => throttled);

  await expect(operate()).rejects.toMatchObject({ name: 'LimitExceededException' });

  expect(requests).toHaveLength(4);
});

test.for<[string, Answer, object]>([
  ['refused', [403, 'ForbiddenException'], { name: 'ForbiddenException' }],
  ['too large', [413, 'PayloadTooLargeException'], { name: 'PayloadTooLargeException' }],
  ['failed', [500, 'InternalServerError'], { $metadata: { httpStatusCode: 500 } }],
  ['unavailable', [503], { $metadata: { httpStatusCode: 503 } }],
  ['cut off', 'reset', { code: 'ECONNRESET' }],
  ['not answered in time', 'silence', { name: 'TimeoutError' }],
])('%s: thrown at once, because the frame may have arrived', async ([, planned, error]) => {
  if (planned === 'silence') api = makeApi();
  for (const [, operate] of operations) {
    requests = [];
    answers = [planned];
    await expect(operate()).rejects.toMatchObject(error);
    expect(requests).toHaveLength(1);
  }
  expect(slept).toBe(0);
});

test.for<[string, Answer]>([
  ['failed', [500, 'InternalServerError']],
  ['unavailable', [503]],
  ['cut off', 'reset'],
])('%s: a frame that may arrive twice is sent again', async ([, planned]) => {
  answers = [planned, throttled, planned];

  expect(await api.post('c', 'x', { mayRepeat: true })).toBe('posted');

  expect(requests.map(({ body }) => body)).toStrictEqual(['x', 'x', 'x', 'x']);
});

test.for<[string, Answer]>([
  ['refused', [403, 'ForbiddenException']],
  ['too large', [413, 'PayloadTooLargeException']],
])('%s: thrown at once, because it would be again', async ([, planned]) => {
  answers = [planned];

  await expect(api.post('c', 'x', { mayRepeat: true })).rejects.toMatchObject({ name: planned[1] });

  expect(requests).toHaveLength(1);
});

test.for(operations)(
  '%s: a function that froze in a pause does not go on when it thaws',
  async ([, operate]) => {
    answers = [throttled];
    pauseMs = 1_000;

    await expect(operate()).rejects.toMatchObject({ name: 'LimitExceededException' });

    expect(requests).toHaveLength(1);
  },
);
