import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { routes } from '#infra/routes.ts';
import { closeServer, findFreePort, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { portsWithoutBrowsers } from '#localstack/http/port-without-browsers.ts';
import { type Stack, startStack } from '#localstack/stack.ts';
import { tables } from '#shared/aws/tables.ts';
import { isAlive } from '#test/localstack/support/processes.ts';

type Frame = Record<string, unknown>;

let stack: Stack;
const notifications: unknown[] = [];
const crashes: Error[] = [];
const logs: string[] = [];

beforeAll(async () => {
  stack = await startStack({
    environment: { POWERTOOLS_LOG_LEVEL: 'ERROR', EXTRA: 'yes' },
    gatewayLimits: { closeMs: 1_000 },
    onLog: (line) => logs.push(line),
    onNotification: (detailType, detail) => notifications.push([detailType, detail]),
    onCrash: (error) => crashes.push(error),
  });
}, 240_000);

afterAll(() => stack?.stop());

/** A connected user; `next(type)` waits for a frame. */
async function connect(user: string) {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user)}`]);
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  await once(socket, 'open');
  const next = async (type: string): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.type === type);
      if (at >= 0) return frames.splice(at, 1)[0] ?? {};
      await sleep(10);
    }
  };
  const send = (frame: Frame) => socket.send(JSON.stringify(frame));
  return { socket, send, next };
}

async function get(path: string, method = 'GET') {
  const response = await fetch(stack.httpUrl + path, { method });
  return { status: response.status, text: await response.text() };
}

/** By Node's own client, which may send any header. */
async function post(url: string, headers: Readonly<Record<string, string>>, method = 'POST') {
  const request = httpRequest(url, { method, headers, agent: false }).end(
    method === 'POST' ? '{}' : undefined,
  );
  const [response]: IncomingMessage[] = await once(request, 'response');
  response?.resume();
  return { status: response?.statusCode, allowed: response?.headers['access-control-allow-origin'] };
}

describe('one port', () => {
  it('is on loopback and says where everything is', () => {
    const { port } = new URL(stack.url);
    expect(stack.url).toBe(`ws://127.0.0.1:${port}/local`);
    expect(stack.httpUrl).toBe(`http://127.0.0.1:${port}`);
    for (const endpoint of Object.values(stack.endpoints))
      expect(new URL(endpoint).hostname).toMatch(/^127(\.\d+){3}$/);
  });

  it.each([
    '/health',
    '/',
    '/token?user=alice',
    '/.well-known/jwks.json',
    '/.well-known/openid-configuration',
  ])('answers %s', async (path) => {
    expect(await get(path)).toMatchObject({ status: 200 });
  });

  it('answers 404 elsewhere, and 410 for a connection that is none', async () => {
    expect(await get('/nowhere')).toMatchObject({ status: 404 });
    expect(await get('/local/@connections/none', 'DELETE')).toMatchObject({ status: 410 });
  });
});

describe('what is behind the port', () => {
  const namesOfOthers = [
    { origin: 'http://evil.example' },
    { origin: 'http://localhost:3000' },
    { origin: 'null' },
    { host: 'evil.example' },
  ];

  it.each(['kms', 'sqs', 'events', 'wire'] as const)(
    'answers programs alone: %s refuses web pages, by Origin and by Host',
    async (name) => {
      const endpoint = name === 'wire' ? stack.wire.endpoint : stack.endpoints[name];
      const target = {
        kms: 'TrentService.Decrypt',
        sqs: 'AmazonSQS.ListQueues',
        events: 'AWSEvents.PutEvents',
      };
      const headers = {
        'x-amz-target': name === 'wire' ? 'DynamoDB_20120810.ListTables' : target[name],
        'content-type': 'application/x-amz-json-1.0',
      };
      expect((await post(endpoint, headers)).status).not.toBe(403);
      for (const others of namesOfOthers)
        for (const method of ['POST', 'OPTIONS', 'GET']) {
          const { status, allowed } = await post(endpoint, { ...headers, ...others }, method);
          expect([method, others, status, allowed]).toEqual([method, others, 403, undefined]);
        }
    },
  );

  it('has the database on a port that browsers do not connect to', async () => {
    expect(portsWithoutBrowsers).toContain(Number(new URL(stack.endpoints.dynamodb).port));
    // Node's own, which keeps to the same standard.
    await expect(fetch(stack.endpoints.dynamodb)).rejects.toMatchObject({ cause: { message: 'bad port' } });
  });
});

describe('the functions', () => {
  it('are all of functions/, and those that the routes name', async () => {
    const files = (await readdir(join(import.meta.dirname, '../../functions'))).filter((f) =>
      f.endsWith('.ts'),
    );
    expect(Object.keys(stack.functions).sort()).toEqual(files.map((file) => file.replace('.ts', '')).sort());
    for (const route of routes) expect(stack.functions).toHaveProperty(route.function);
  });

  it('are told endpoints, names and settings, and nothing else', () => {
    const { environment } = stack;
    for (const { environmentVariable } of Object.values(tables))
      expect(environment[environmentVariable]).toMatch(/^postrider-/);
    expect(environment).toMatchObject({
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_DYNAMODB: stack.wire.endpoint,
      AWS_ENDPOINT_URL_KMS: stack.wire.endpoint,
      AWS_ENDPOINT_URL_SQS: stack.wire.endpoint,
      AWS_ENDPOINT_URL_EVENTBRIDGE: stack.wire.endpoint,
      DELIVERY_QUEUE_URL: `${stack.wire.endpoint}/000000000000/postrider-deliver`,
      EVENT_BUS_NAME: 'default',
      MANAGEMENT_ENDPOINT: `${stack.wire.endpoint}/local`,
      TOKEN_ISSUER: stack.httpUrl,
      TOKEN_AUDIENCE: 'postrider',
      TOKEN_JWKS_URI: `${stack.httpUrl}/.well-known/jwks.json`,
      POWERTOOLS_SERVICE_NAME: 'postrider',
    });
    expect(environment.CACHE_URL).toBe(stack.cache?.url);
    expect(Object.keys(environment).filter((name) => name === 'PATH' || name === 'HOME')).toEqual([]);
  });

  it('are told what the caller adds or changes', () => {
    expect(stack.environment).toMatchObject({ EXTRA: 'yes', POWERTOOLS_LOG_LEVEL: 'ERROR' });
  });
});

describe('a message', () => {
  it('becomes a notification when the recipient is away', async () => {
    const alice = await connect('alice');
    alice.send({ action: 'send', requestId: '2', recipientId: 'nobody', content: 'a secret word' });
    await alice.next('message.sent');
    const forNobody = () =>
      notifications.find((notification) => JSON.stringify(notification).includes('"nobody"'));
    while (forNobody() === undefined) await sleep(100);
    expect(forNobody()).toMatchObject([expect.any(String), { recipientId: 'nobody', seq: 1 }]);
    expect(JSON.stringify([notifications, logs])).not.toContain('a secret word');
    alice.socket.close();
  }, 60_000);
});

describe('what cannot start', () => {
  it('rejects for a port that is taken', async () => {
    const other = createServer();
    const port = await listenOnLoopback(other);
    await expect(startStack({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await closeServer(other);
  });

  it('lets go of its port again', async () => {
    const port = await findFreePort();
    await expect(startStack({ port, dataDir: import.meta.filename })).rejects.toThrow(/cannot be used/);
    const next = createServer();
    expect(await listenOnLoopback(next, port)).toBe(port);
    await closeServer(next);
  });
});

describe('the end', () => {
  it('reports that the database has ended by itself, and stops all the same, once', async () => {
    const { databasePid = 0, dataDirectory } = stack;
    expect(existsSync(dataDirectory.path)).toBe(true);
    const alice = await connect('alice');
    process.kill(databasePid, 'SIGKILL');
    while (crashes.length === 0) await sleep(20);
    expect(crashes[0]?.message).toMatch(/ended unexpectedly, by SIGKILL/);

    const closed = once(alice.socket, 'close');
    await Promise.all([stack.stop(), stack.stop()]);
    await stack.stop();
    expect((await closed)[0]).toBe(1001);
    expect(isAlive(databasePid)).toBe(false);
    expect(existsSync(dataDirectory.path)).toBe(false);
    await expect(fetch(`${stack.httpUrl}/health`)).rejects.toThrow();
    for (const endpoint of [...Object.values(stack.endpoints), stack.wire.endpoint])
      await expect(post(endpoint, {})).rejects.toThrow(/ECONNREFUSED/);
    expect(crashes).toHaveLength(1);
  }, 60_000);
});
