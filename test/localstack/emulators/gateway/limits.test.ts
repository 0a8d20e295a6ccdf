import { DeleteConnectionCommand, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { describe, expect, test, vi } from 'vitest';
import { defaultLimits, type GatewayLimits } from '#localstack/emulators/gateway/limits.ts';
import { makeTokenBucket } from '#localstack/emulators/gateway/token-bucket.ts';
import { makeManagementApi } from '#shared/connections/gateway.apigateway.ts';
import { clock } from '#shared/runtime/system.ts';
import { frame } from './frame.ts';
import { type Client, openRawWebSocket, readCloseCode, recordedRoute, startStage } from './harness.ts';

/** Never refilled while a test runs. */
const never = 1e-9;

async function startWith(limits: Partial<GatewayLimits> = {}) {
  const routes = {
    $disconnect: recordedRoute(),
    echo: recordedRoute((event) => ({ statusCode: 200, body: event.body })),
  };
  const stage = await startStage({ routes, limits });
  return { stage, ...routes };
}

async function roundTrip(client: Client): Promise<void> {
  client.send({ action: 'echo' });
  expect(await client.next()).toBe('{"action":"echo"}');
}

test('the defaults are the published quotas', () => {
  expect(defaultLimits).toMatchObject({
    idleMs: 600_000,
    lifeMs: 7_200_000,
    integrationMs: 29_000,
    frameBytes: 32_768,
    messageBytes: 131_072,
    handshakesPerSecond: 500,
    requestsPerSecond: 10_000,
    requestBurst: 5_000,
  });
});

describe('rates', () => {
  test('a handshake above the quota of new connections gets 429, and reaches no function', async () => {
    const $connect = recordedRoute();
    const limits = { handshakesPerSecond: never, handshakeBurst: 1 };
    const stage = await startStage({ routes: { $connect }, limits });
    await stage.open();

    const refused = await stage.openRefused();

    expect(refused).toMatchObject({ status: 429, body: '{"message":"Too Many Requests"}' });
    expect($connect.events).toHaveLength(1);
  });

  test('a handshake above the quota of requests gets 429', async () => {
    const { stage } = await startWith({ requestsPerSecond: never, requestBurst: 1 });
    await stage.open();

    expect((await stage.openRefused()).status).toBe(429);
  });

  test('a message above the quota of requests closes with 1008', async () => {
    const { stage, echo, $disconnect } = await startWith({ requestsPerSecond: never, requestBurst: 2 });
    const client = await stage.open();
    await roundTrip(client);
    client.send({ action: 'echo' });

    expect((await client.closed).code).toBe(1008);
    expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1008);
    expect(echo.events).toHaveLength(1);
  });

  test('callbacks draw on the same quota: 429 above it', async () => {
    const { stage, echo } = await startWith({ requestsPerSecond: never, requestBurst: 3 });
    const client = await stage.open();
    await roundTrip(client);
    const { connectionId: ConnectionId } = (await echo.next()).requestContext;
    await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'hello' }));

    for (const command of [
      new PostToConnectionCommand({ ConnectionId, Data: 'hello' }),
      new DeleteConnectionCommand({ ConnectionId }),
    ]) {
      await expect(stage.management.send(command as PostToConnectionCommand)).rejects.toMatchObject({
        name: 'LimitExceededException',
        $metadata: { httpStatusCode: 429 },
      });
    }
    expect(stage.gateway.connectionCount()).toBe(1);
  });

  test('a bucket holds its burst, and refills at its rate up to the burst', () => {
    let now = 0;
    const take = makeTokenBucket(2, 3, () => now);
    const takeAll = () => {
      let taken = 0;
      while (take()) taken += 1;
      return taken;
    };

    expect(takeAll()).toBe(3);
    now = 499;
    expect(takeAll()).toBe(0);
    now = 500;
    expect(takeAll()).toBe(1);
    now = 1_000_000;
    expect(takeAll()).toBe(3);
  });
});

describe('a client that does not read', () => {
  test('fills its buffer: POST answers 429 until it reads', async () => {
    const { stage, echo } = await startWith();
    const socket = await openRawWebSocket(stage.port);
    socket.write(frame(1, '{"action":"echo"}'));
    const { connectionId: ConnectionId } = (await echo.next()).requestContext;
    const post = () =>
      stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'x'.repeat(100_000) }));

    // The kernels' buffers come before the gateway's: some megabytes, however large they are on this machine.
    const fill = async () => {
      for (let sent = 0; sent < 1_000; sent += 1) await post();
    };
    await expect(fill()).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 429 },
    });
    expect(stage.gateway.connectionCount()).toBe(1);
    // The product knows it by its words.
    const product = makeManagementApi({ api: stage.management, clock, random: () => 1 });
    expect(await product.post(ConnectionId ?? '', 'x'.repeat(100_000))).toBe('full');

    socket.resume();
    await vi.waitFor(post, { timeout: 20_000 });
  });

  test('is let go with 1008 once its replies fill the buffer', async () => {
    const $disconnect = recordedRoute();
    const flood = recordedRoute(() => ({ statusCode: 200, body: 'x'.repeat(100_000) }));
    const stage = await startStage({ routes: { flood, $disconnect }, limits: { closeMs: 50 } });
    const socket = await openRawWebSocket(stage.port);
    const request = frame(1, '{"action":"flood"}');
    for (let sent = 0; sent < 500; sent += 1) socket.write(request);

    expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1008);
    expect(stage.gateway.connectionCount()).toBe(0);
  });
});

test('a peer that does not answer the close frame is cut off', async () => {
  const { stage, echo, $disconnect } = await startWith({ closeMs: 50 });
  const socket = await openRawWebSocket(stage.port);
  socket.write(frame(1, '{"action":"echo"}'));
  const { connectionId: ConnectionId } = (await echo.next()).requestContext;
  await stage.management.send(new DeleteConnectionCommand({ ConnectionId }));

  expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1008);
  await expect(readCloseCode(socket)).resolves.toBeTypeOf('number');
});
