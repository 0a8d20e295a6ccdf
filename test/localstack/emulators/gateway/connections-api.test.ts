import { once } from 'node:events';
import { connect } from 'node:net';
import {
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { expect, test } from 'vitest';
import { frame } from './frame.ts';
import { openRawWebSocket, recordedRoute, startStage } from './harness.ts';

async function startOne() {
  const routes = { $connect: recordedRoute(), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const client = await stage.open([], { headers: { 'user-agent': 'probe/1' } });
  const { connectionId, connectedAt } = (await routes.$connect.next()).requestContext;
  const api = `http://127.0.0.1:${stage.port}/local/@connections`;
  return { stage, client, ConnectionId: connectionId, connectedAt, $disconnect: routes.$disconnect, api };
}

test('POST sends one text message', async () => {
  const { stage, client, ConnectionId } = await startOne();
  const received = once(client.socket, 'message');

  const answer = await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: '{"é":1}' }));

  const [data, isBinary] = (await received) as [Buffer, boolean];
  expect(answer.$metadata).toMatchObject({ httpStatusCode: 200, requestId: expect.any(String) });
  expect(data.toString()).toBe('{"é":1}');
  expect(isBinary).toBe(false);
});

test('POST takes 128 KB, which go out in frames of 32 KB', async () => {
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect } });
  const socket = await openRawWebSocket(stage.port);
  const { connectionId: ConnectionId } = (await $connect.next()).requestContext;
  await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'x'.repeat(131_072) }));

  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length === 4 * (32_768 + 4)) socket.emit('complete');
  });
  socket.resume();
  await once(socket, 'complete');

  const heads = [0, 1, 2, 3].map((index) => bytes.subarray(index * 32_772, index * 32_772 + 4));
  expect(heads.map((head) => head[0])).toEqual([0x01, 0x00, 0x00, 0x80]);
  expect(heads.every((head) => head[1] === 126 && head.readUInt16BE(2) === 32_768)).toBe(true);
});

test('POST over 128 KB is 413, and the client gets nothing of it', async () => {
  const { stage, client, ConnectionId } = await startOne();

  for (const length of [131_073, 2_000_000]) {
    await expect(
      stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'x'.repeat(length) })),
    ).rejects.toMatchObject({ name: 'PayloadTooLargeException', $metadata: { httpStatusCode: 413 } });
  }
  await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'next' }));

  expect(await client.next()).toBe('next');
});

test.each([
  ['nothing', new Uint8Array()],
  ['bytes that are not UTF-8', Uint8Array.of(0xff)],
])('POST of %s is 400', async (_name, Data) => {
  const { stage, ConnectionId } = await startOne();

  await expect(
    stage.management.send(new PostToConnectionCommand({ ConnectionId, Data })),
  ).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
});

test('GET tells what the SDK knows to read', async () => {
  const { stage, ConnectionId, connectedAt } = await startOne();

  const connection = await stage.management.send(new GetConnectionCommand({ ConnectionId }));

  expect(connection).toMatchObject({
    $metadata: { httpStatusCode: 200 },
    ConnectedAt: new Date(Number(connectedAt)),
    LastActiveAt: expect.any(Date),
    Identity: { SourceIp: '127.0.0.1', UserAgent: 'probe/1' },
  });
});

test('GET in JSON: names in camel case, times in ISO 8601', async () => {
  const { api, ConnectionId } = await startOne();

  const response = await fetch(`${api}/${ConnectionId}`);

  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toStrictEqual({
    connectedAt: time,
    identity: { sourceIp: '127.0.0.1', userAgent: 'probe/1' },
    lastActiveAt: time,
  });
});

test('DELETE is 204 and closes with 1008, after what was posted before', async () => {
  const { stage, client, ConnectionId, $disconnect } = await startOne();
  await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'last words' }));

  const answer = await stage.management.send(new DeleteConnectionCommand({ ConnectionId }));

  expect(answer.$metadata.httpStatusCode).toBe(204);
  expect(await client.next()).toBe('last words');
  expect((await client.closed).code).toBe(1008);
  expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1008);
});

test('after DELETE the connection is gone at once, before the client has answered', async () => {
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect } });
  await openRawWebSocket(stage.port);
  const { connectionId: ConnectionId } = (await $connect.next()).requestContext;
  await stage.management.send(new DeleteConnectionCommand({ ConnectionId }));

  for (const command of allCommands(ConnectionId)) {
    await expect(stage.management.send(command)).rejects.toMatchObject({ name: 'GoneException' });
  }
});

test('a message that the client sends while it is being closed reaches no function', async () => {
  const routes = { $connect: recordedRoute(), $default: recordedRoute(), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const socket = await openRawWebSocket(stage.port);
  const { connectionId: ConnectionId } = (await routes.$connect.next()).requestContext;
  await stage.management.send(new DeleteConnectionCommand({ ConnectionId }));
  socket.end(Buffer.concat([frame(1, 'late'), frame(8, Buffer.from([0x03, 0xf0]))]));

  await routes.$disconnect.next();

  expect(routes.$default.events).toEqual([]);
});

test('an unknown connection is 410 in the form that the SDK reads', async () => {
  const { stage } = await startOne();

  for (const command of allCommands('TXzPWdnOjoECGjA=')) {
    const error: unknown = await stage.management.send(command).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'GoneException', $metadata: { httpStatusCode: 410 } });
    expect(error).not.toHaveProperty('statusCode');
  }
});

test('a connection whose client has left is 410', async () => {
  const { stage, client, ConnectionId, $disconnect } = await startOne();
  client.socket.close();
  await $disconnect.next();

  await expect(
    stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'hello' })),
  ).rejects.toMatchObject({ name: 'GoneException' });
});

test('during $connect every call is 410', async () => {
  const outcomes: unknown[] = [];
  const $connect = recordedRoute(async (event) => {
    for (const command of allCommands(event.requestContext.connectionId)) {
      outcomes.push(await stage.management.send(command).catch((error: Error) => error.name));
    }
    return { statusCode: 200 };
  });
  const stage = await startStage({ routes: { $connect } });

  await stage.open();

  expect(outcomes).toEqual(['GoneException', 'GoneException', 'GoneException']);
});

test.each([
  (id: string) => `/local/@connections/${id}`,
  (id: string) => `/local/%40connections/${id.replace('=', '%3D')}`,
  (id: string) => `/local/@connections/${id.replace('=', '%3d')}?x=1`,
])('an id is found in each way of writing it (%#)', async (path) => {
  const { stage, client, ConnectionId } = await startOne();

  const response = await fetch(`http://127.0.0.1:${stage.port}${path(ConnectionId)}`, {
    method: 'POST',
    body: 'hello',
  });

  expect(response.status).toBe(200);
  expect(await client.next()).toBe('hello');
});

test.each(['', '/', '/a/b'])('@connections%s is not taken', async (rest) => {
  const { api } = await startOne();

  expect((await fetch(`${api}${rest}`)).status).toBe(404);
});

test.each(['%', '%E0%A4%A', '__proto__', 'x'.repeat(5_000)])('the id %s is unknown', async (id) => {
  const { api } = await startOne();

  expect((await fetch(`${api}/${id}`)).status).toBe(410);
});

test.each(['PUT', 'PATCH', 'OPTIONS'])('%s is 403', async (method) => {
  const { api, ConnectionId } = await startOne();

  const response = await fetch(`${api}/${ConnectionId}`, { method });

  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({ message: 'Missing Authentication Token' });
});

test('a caller that breaks off in the middle of a POST sends nothing', async () => {
  const { stage, client, ConnectionId } = await startOne();
  const caller = connect(stage.port, '127.0.0.1');
  caller.write(
    `POST /local/@connections/${ConnectionId} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf`,
  );
  caller.end();
  await once(caller.resume(), 'close');
  await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'whole' }));

  expect(await client.next()).toBe('whole');
});

/** Typed as one of them, since `send` has an overload for each. */
function allCommands(ConnectionId: string): PostToConnectionCommand[] {
  return [
    new PostToConnectionCommand({ ConnectionId, Data: 'hello' }),
    new GetConnectionCommand({ ConnectionId }) as unknown as PostToConnectionCommand,
    new DeleteConnectionCommand({ ConnectionId }) as unknown as PostToConnectionCommand,
  ];
}
