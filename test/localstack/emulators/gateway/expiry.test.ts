import { once } from 'node:events';
import { GetConnectionCommand, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { afterEach, expect, test, vi } from 'vitest';
import { type Client, recordedRoute, startStage } from './harness.ts';

afterEach(() => void vi.useRealTimers());

async function startClock() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const routes = {
    $disconnect: recordedRoute(),
    echo: recordedRoute((event) => ({ statusCode: 200, body: event.body })),
    quiet: recordedRoute(),
  };
  const stage = await startStage({ routes });
  const client = await stage.open();
  await roundTrip(client);
  const { connectionId } = (await routes.echo.next()).requestContext;
  return { ...routes, stage, client, ConnectionId: connectionId };
}

test('10 minutes without data close with 1001', async () => {
  const { stage, client, $disconnect } = await startClock();

  vi.advanceTimersByTime(599_999);
  expect(stage.gateway.connectionCount()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(stage.gateway.connectionCount()).toBe(0);

  expect(await client.closed).toEqual({ code: 1001, reason: 'Going away' });
  expect((await $disconnect.next()).requestContext).toMatchObject({
    disconnectStatusCode: 1001,
    disconnectReason: 'Going away',
  });
});

test('a message of the client starts the 10 minutes anew, also if it is not answered', async () => {
  const { stage, client, quiet } = await startClock();
  vi.advanceTimersByTime(599_999);
  client.send({ action: 'quiet' });
  await quiet.next();

  vi.advanceTimersByTime(599_999);
  expect(stage.gateway.connectionCount()).toBe(1);
});

test('a message to the client starts them anew', async () => {
  const { stage, client, ConnectionId } = await startClock();
  vi.advanceTimersByTime(599_999);
  await stage.management.send(new PostToConnectionCommand({ ConnectionId, Data: 'hello' }));
  await client.next();

  vi.advanceTimersByTime(599_999);
  expect(stage.gateway.connectionCount()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(stage.gateway.connectionCount()).toBe(0);
});

test('neither a ping frame nor looking at the connection does', async () => {
  const { stage, client, ConnectionId } = await startClock();
  vi.advanceTimersByTime(599_999);
  const pong = once(client.socket, 'pong');
  client.socket.ping();
  await pong;
  await stage.management.send(new GetConnectionCommand({ ConnectionId }));

  vi.advanceTimersByTime(1);
  expect(stage.gateway.connectionCount()).toBe(0);
});

test('2 hours close with 1001, however busy the connection is', async () => {
  const { stage, client } = await startClock();
  for (let minutes = 5; minutes < 120; minutes += 5) {
    vi.advanceTimersByTime(300_000);
    await roundTrip(client);
  }
  vi.advanceTimersByTime(299_999);
  expect(stage.gateway.connectionCount()).toBe(1);
  vi.advanceTimersByTime(1);

  expect((await client.closed).code).toBe(1001);
});

test('a connection that has ended leaves no timer behind', async () => {
  const { client, $disconnect } = await startClock();
  client.socket.close();
  await client.closed;
  await $disconnect.next();

  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
});

test('GET shows when data last went by', async () => {
  const { stage, client, ConnectionId } = await startClock();
  const before = await stage.management.send(new GetConnectionCommand({ ConnectionId }));
  vi.advanceTimersByTime(5_000);
  await roundTrip(client);
  const after = await stage.management.send(new GetConnectionCommand({ ConnectionId }));

  expect(Number(after.LastActiveAt) - Number(before.LastActiveAt)).toBe(5_000);
  expect(after.ConnectedAt).toEqual(before.ConnectedAt);
});

async function roundTrip(client: Client): Promise<void> {
  client.send({ action: 'echo' });
  expect(await client.next()).toBe('{"action":"echo"}');
}
