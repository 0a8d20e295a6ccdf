import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openTcp, recordedRoute, startStage, upgradeRequest } from './harness.ts';

async function startOne() {
  const $disconnect = recordedRoute();
  const stage = await startStage({ routes: { $disconnect } });
  return { stage, client: await stage.open(), $disconnect };
}

test.each([
  [1000, 'bye'],
  [1001, ''],
  [4321, 'a reason of its own'],
])('a close by the client with %i "%s" is reported as it was', async (code, reason) => {
  const { client, $disconnect } = await startOne();
  client.socket.close(code, reason);

  expect((await $disconnect.next()).requestContext).toMatchObject({
    disconnectStatusCode: code,
    disconnectReason: reason,
  });
});

test('a close frame without a status is 1005', async () => {
  const { client, $disconnect } = await startOne();
  client.socket.close();

  expect((await $disconnect.next()).requestContext).toMatchObject({
    disconnectStatusCode: 1005,
    disconnectReason: 'Client-side close frame status not set',
  });
});

test('a client that just goes away is 1006', async () => {
  const { client, $disconnect } = await startOne();
  client.socket.terminate();

  expect((await $disconnect.next()).requestContext).toMatchObject({ disconnectStatusCode: 1006 });
});

test('each connection has one $disconnect, with its own id', async () => {
  const routes = { $connect: recordedRoute(), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const clients = [await stage.open(), await stage.open(), await stage.open()];
  for (const { socket } of clients) socket.close();
  await Promise.all(clients.map((client) => client.closed));
  await stage.gateway.close();

  const idsOf = (events: readonly { requestContext: { connectionId: string } }[]) =>
    events.map((event) => event.requestContext.connectionId).sort();
  expect(idsOf(routes.$disconnect.events)).toEqual(idsOf(routes.$connect.events));
  expect(stage.gateway.connectionCount()).toBe(0);
});

test.each([
  ['rejects', () => Promise.reject(new Error('boom'))],
  ['answers nonsense', () => 'nonsense'],
])('a $disconnect that %s troubles nobody', async (_name, handler) => {
  const $disconnect = recordedRoute(handler);
  const stage = await startStage({ routes: { $disconnect } });
  const first = await stage.open();
  first.socket.close();
  await $disconnect.next();

  const second = await stage.open();

  expect(second.socket.readyState).toBe(second.socket.OPEN);
});

test('closing the gateway closes every connection with 1001 and waits for its $disconnect', async () => {
  const done: unknown[] = [];
  const $disconnect = recordedRoute(async (event) => {
    await new Promise((resolve) => setImmediate(resolve));
    done.push(event.requestContext.disconnectStatusCode);
  });
  const stage = await startStage({ routes: { $disconnect } });
  const clients = [await stage.open(), await stage.open()];

  await stage.gateway.close();

  expect(done).toEqual([1001, 1001]);
  expect((await clients[0]?.closed)?.code).toBe(1001);
});

test('closing the gateway does not wait for ever, neither for a peer nor for a function', async () => {
  const $disconnect = recordedRoute(() => new Promise(() => undefined));
  const stage = await startStage({ routes: { $disconnect }, limits: { closeMs: 30 } });
  const socket = await openTcp(stage.port);
  socket.write(upgradeRequest());
  await once(socket, 'data');

  await stage.gateway.close();

  expect($disconnect.events).toHaveLength(1);
});

test('closing the gateway ends the handshakes under way; one that was let in gets its $disconnect', async () => {
  const letIn = Promise.withResolvers<void>();
  const $disconnect = recordedRoute();
  const $connect = recordedRoute(async () => {
    await letIn.promise;
    return { statusCode: 200 };
  });
  const stage = await startStage({ routes: { $connect, $disconnect } });
  const opening = stage.open().catch((error: Error) => error.message);
  await $connect.next();
  const closing = stage.gateway.close();
  letIn.resolve();

  await closing;

  expect(await opening).toBe('socket hang up');
  expect($disconnect.events).toHaveLength(1);
});

test('a closed gateway refuses with 503, and can be closed again', async () => {
  const stage = await startStage({});
  await stage.gateway.close();

  expect((await stage.openRefused()).status).toBe(503);
  await stage.gateway.close();
});
