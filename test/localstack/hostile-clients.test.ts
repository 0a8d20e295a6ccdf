import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, expect, vi, test as vitestTest } from 'vitest';
import { WebSocket } from 'ws';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { type Stack, startStack } from '#localstack/stack.ts';
import { frame } from './emulators/gateway/frame.ts';
import { readCloseCode, upgradeRequest } from './emulators/gateway/harness.ts';

vi.setConfig({ testTimeout: 120_000 });

/** Elsewhere 127.0.0.1 is the only address of the loopback, and here each test needs one of its own. */
const test = vitestTest.skipIf(process.platform !== 'linux');

const plenty = { burst: 100_000, refillPerSecond: 100_000 };
/** None comes back while the tests run. */
const admitted = { burst: 150, refillPerSecond: 0.01 };

const environments = 2;

let stack: Stack;
const logs: string[] = [];
/** Those that a test has opened: one that fails leaves none to the next. */
const sockets: WebSocket[] = [];
beforeAll(async () => {
  const limits = {
    messagesPerUser: plenty,
    messagesPerAddress: plenty,
    requestsPerUser: plenty,
    connectionsPerUser: plenty,
  };
  stack = await startStack({
    environment: { RATE_LIMITS: JSON.stringify({ ...limits, connectionsPerAddress: admitted }) },
    onLog: (line) => logs.push(line),
    // Of each function: ten that begin at once leave a busy machine no time to answer them within their limits.
    maxEnvironments: environments,
    // What waits for one of them may wait longer than on AWS: how fast they are is not what is asked here.
    gatewayLimits: { integrationMs: 100_000 },
  });
  await warmUp();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(() => stack.stop());

/** Until each environment of the authorizer has the issuer's keys: a flood is no time to fetch them. */
async function warmUp(): Promise<void> {
  while (Number(stack.functions.authorize?.environments) < environments)
    await Promise.all(Array.from({ length: environments }, () => open('early', newAddress())));
}

type Frame = Readonly<Record<string, unknown>>;

/** Each test comes from an address of its own, so that none uses up the connections of another. */
let addresses = 1;
const newAddress = () => {
  addresses += 1;
  return `127.0.0.${addresses}`;
};

async function open(user: string, localAddress: string) {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user)}`], {
    localAddress,
  });
  sockets.push(socket);
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  await once(socket, 'open');
  const count = (matches: (one: Frame) => boolean) => frames.filter(matches).length;
  return {
    socket,
    frames,
    count,
    send: (fields: object) => socket.send(JSON.stringify(fields)),
    until: (matches: (one: Frame) => boolean, wanted = 1) =>
      expect.poll(() => count(matches), { timeout: 90_000, interval: 50 }).toBe(wanted),
  };
}

const ofType = (type: string) => (one: Frame) => one.type === type;

/** Somebody who has nothing to do with it is let in and answered. */
async function expectOthersServed(): Promise<void> {
  const other = await open('bystander', newAddress());
  other.send({ action: 'ping', requestId: 'r' });
  await other.until(({ type, requestId }) => type === 'pong' && requestId === 'r');
  other.socket.close();
  await once(other.socket, 'close');
}

async function rawWebSocket(user: string, localAddress: string): Promise<Socket> {
  const socket = await rawSocket(localAddress);
  socket.write(upgradeRequest('/local', [`Authorization: Bearer ${await stack.token(user)}`]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 101/);
  return socket;
}

async function rawSocket(localAddress: string): Promise<Socket> {
  const port = Number(new URL(stack.url).port);
  const socket = connectTcp({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test('a client that does not read is told of as 429 and holds nobody up; it gets what was taken, and catches up on the rest', async () => {
  const [reader, sender] = [await open('reader', newAddress()), await open('sender', newAddress())];
  reader.send({ action: 'reconnect' });
  await reader.until(ofType('reconnect.done'));
  reader.socket.pause();
  const taken = await fill('reader');

  sender.send({ action: 'send', recipientId: 'reader', content: 'unheard' });
  await sender.until(ofType('message.sent'));
  expect(logs.filter((line) => line.includes('push failed'))).toHaveLength(1);
  await expectOthersServed();

  reader.socket.resume();
  await reader.until(ofType('filler'), taken);
  reader.send({ action: 'reconnect', positions: {} });
  await reader.until(ofType('reconnect.done'), 2);
  const pages = reader.frames.filter(ofType('reconnect.page'));
  expect(pages.flatMap(({ messages }) => messages)).toMatchObject([{ content: 'unheard', seq: 1 }]);
  reader.socket.close();
  sender.socket.close();
});

test('no answer to a handshake holds the token, whether it lets in or refuses', async () => {
  const token = await stack.token('alice');
  const address = newAddress();
  const answers = await Promise.all(
    [
      [`Sec-WebSocket-Protocol: bearer.${token}`],
      [`Sec-WebSocket-Protocol: postrider.v1, bearer.${token}`],
      [`Sec-WebSocket-Protocol: bearer.${token}, bearer.${token}x`],
      [`Sec-WebSocket-Protocol: postrider.v1, bearer.${token}x`],
      [`Authorization: Bearer ${token}x`],
    ].map(async (headers) => {
      const socket = await rawSocket(address);
      socket.write(upgradeRequest('/local', headers));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return answer.toString();
    }),
  );

  expect(answers.map((answer) => answer.split(' ')[1])).toEqual(['101', '101', '401', '401', '401']);
  expect(answers.filter((answer) => answer.includes('bearer') || answer.includes(token.slice(-20)))).toEqual(
    [],
  );
  expect(answers[1]).toContain('Sec-WebSocket-Protocol: postrider.v1\r\n');
});

test('of a flood of connections from one address as many as its limit come in, and other addresses do not notice', async () => {
  const address = newAddress();
  const token = await stack.token('flood');
  const statuses = await Promise.all(
    Array.from({ length: 400 }, async () => {
      const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${token}`], { localAddress: address });
      sockets.push(socket);
      const status = await new Promise<number>((resolve, reject) => {
        socket.on('open', () => resolve(101));
        socket.on('unexpected-response', (request, response) => {
          resolve(response.statusCode ?? 0);
          request.destroy();
        });
        socket.on('error', reject);
      });
      return { status, socket };
    }),
  );
  const counted = Map.groupBy(statuses, ({ status }) => status);
  expect(new Map([...counted].map(([status, all]) => [status, all.length]))).toEqual(
    new Map([
      [101, admitted.burst],
      [429, 400 - admitted.burst],
    ]),
  );

  await expectOthersServed();
});

test('handshakes that never end reach no function and keep nobody out', async () => {
  const address = newAddress();
  const halves = [upgradeRequest().slice(0, 40), '', 'GET /local HTTP/1.1\r\nHost: x\r\n', 'G'];
  const sockets = await Promise.all(Array.from({ length: 400 }, () => rawSocket(address)));
  for (const [index, socket] of sockets.entries()) socket.write(halves[index % halves.length] ?? '');

  await expectOthersServed();
  expect(sockets.filter(({ readyState }) => readyState === 'open')).toHaveLength(400);
  for (const socket of sockets) socket.destroy();
});

test('frames that say they are giant close their connection with 1009 before they come', async () => {
  const address = newAddress();
  const sockets = await Promise.all(
    Array.from({ length: 40 }, (_, index) => rawWebSocket(`giant-${index}`, address)),
  );
  const header = Buffer.from('81ff000000007fffffff00000000', 'hex');
  const codes = sockets.map((socket) => {
    socket.write(header);
    return readCloseCode(socket);
  });

  expect(await Promise.all(codes)).toEqual(Array(40).fill(1009));
  await expectOthersServed();
});

test('messages that never end are held to 128 KB and to 16,384 parts, and reach no function', async () => {
  const address = newAddress();
  const part = Buffer.alloc(32_768, 'x');
  const sockets = await Promise.all(
    Array.from({ length: 40 }, (_, index) => rawWebSocket(`parts-${index}`, address)),
  );
  for (const socket of sockets)
    socket.write(Buffer.concat([frame(1, part, false), frame(0, part, false), frame(0, part, false)]));
  await expectOthersServed();
  const codes = sockets.map((socket, index) => {
    // One byte above 128 KB in all; the others in as many parts as there can be.
    const more =
      index % 2 === 0
        ? [frame(0, part, false), frame(0, 'x', false)]
        : Array(16_384).fill(frame(0, 'x', false));
    socket.write(Buffer.concat(more));
    return readCloseCode(socket);
  });

  expect(await Promise.all(codes)).toEqual(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 1009 : 1008)),
  );
  await expectOthersServed();
});

test('of 3,000 requests in flight on one connection each is answered once, as if it were alone', async () => {
  const client = await open('busy', newAddress());
  const requests = Array.from({ length: 3_000 }, (_, index) => {
    const requestId = `r${index}`;
    if (index % 10 === 0) return { action: 'send', recipientId: `friend-${index}`, content: 'x', requestId };
    if (index % 10 === 1) return { action: 'history', conversationId: 'x'.repeat(43), requestId };
    return index % 10 === 2 ? { action: 'fly', requestId } : { action: 'ping', requestId };
  });
  for (const request of requests) client.send(request);

  await client.until(() => true, 3_000);
  const answers = new Map(client.frames.map((one) => [one.requestId, one.code ?? one.type]));
  const expected = ['message.sent', 'not_found', 'bad_request', ...Array(7).fill('pong')];
  expect(answers).toEqual(new Map(requests.map(({ requestId }, index) => [requestId, expected[index % 10]])));
  expect(client.socket.readyState).toBe(WebSocket.OPEN);
  client.socket.close();
});

test('after all this nothing is left of those who have gone, and no function failed', async () => {
  await expect.poll(() => stack.gateway.connectionCount(), { timeout: 60_000 }).toBe(0);
  await expect.poll(() => connectionsOf(), { timeout: 60_000 }).toEqual([]);
  expect(logs.filter((line) => /defect|unhandled|uncaught|heap/i.test(line))).toEqual([]);
});

/** Posts to the connection of `userId` until not even a short frame is taken any more; how many were. */
async function fill(userId: string): Promise<number> {
  const settings = { ...clientSettings(`${stack.httpUrl}/local`), maxAttempts: 1 };
  const management = new ApiGatewayManagementApiClient(settings);
  const [ConnectionId] = await connectionsOf(userId);
  let taken = 0;
  for (const length of [30_000, 1_000, 50]) {
    const Data = JSON.stringify({ type: 'filler', text: 'x'.repeat(length) });
    let refusal: unknown;
    // The kernel's buffers take some megabytes before the gateway's own bound is met.
    for (let posts = 0; posts < 2_000 && refusal === undefined; posts += 1) {
      const posting = management.send(new PostToConnectionCommand({ ConnectionId, Data }));
      refusal = await posting.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal === undefined) taken += 1;
    }
    expect(refusal).toMatchObject({ name: 'LimitExceededException', $metadata: { httpStatusCode: 429 } });
  }
  management.destroy();
  return taken;
}

/** The ids in the table of connections. */
async function connectionsOf(userId?: string): Promise<string[]> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(clientSettings(stack.endpoints.dynamodb)));
  const { Items = [] } = await client.send(new ScanCommand({ TableName: stack.tableNames.connections }));
  client.destroy();
  const rows = userId === undefined ? Items : Items.filter((row) => row.userId === userId);
  return rows.map(({ connectionId }) => connectionId);
}
