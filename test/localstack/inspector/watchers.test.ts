import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { createInspector } from '#localstack/inspector/inspector.ts';
import type { WireObserver } from '#localstack/wire/wire.ts';
import { watchFlows } from './watch.ts';

let observers: Set<WireObserver>;
let server: Server;
let httpUrl: string;

beforeEach(async () => {
  observers = new Set();
  const inspector = createInspector({
    wire: {
      observe(observer) {
        observers.add(observer);
        return () => observers.delete(observer);
      },
    },
    cacheWire: undefined,
    gateway: { connectionFacts: () => undefined },
    tableNames: {} as never,
  });
  server = createServer((request, response) => void inspector.handleRequest(request, response));
  httpUrl = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});

afterEach(() => closeServer(server));

const invocation = (requestId: string) => ({
  ...{ functionName: 'sync', requestId, trace: `Root=${requestId}`, environmentId: requestId },
  ...{ event: {}, coldStart: false },
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

test('nothing is observed while nobody watches, and once while several do', async () => {
  expect(observers.size).toBe(0);
  const [one, other] = [await watchFlows(httpUrl), await watchFlows(httpUrl)];
  expect(observers.size).toBe(1);
  one.stop();
  await sleep(20);
  expect(observers.size).toBe(1);
  other.stop();
  await until(() => observers.size === 0);
});

test('an invocation is told while it is under way, and again as it ends', async () => {
  const watch = await watchFlows(httpUrl);
  const [observer] = observers;
  const started = invocation('one');
  observer?.invocationStarted?.(started);
  await until(() => watch.flows.size === 1);
  expect([...watch.flows.values()]).toMatchObject([{ functionName: 'sync', outcome: 'running', steps: [] }]);
  observer?.invocationEnded?.(started, 'failed');
  expect(await watch.flow(() => true)).toMatchObject({ outcome: 'failed' });
  expect(watch.flows.size).toBe(1);
  watch.stop();
});

test('a watcher that does not read is let go', async () => {
  const socket = createConnection(Number(new URL(httpUrl).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET /inspect HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'readable');
  const [observer] = observers;
  const event = { requestContext: { routeKey: 'x'.repeat(200_000) } };
  // More than the kernel and the bound together take.
  for (let told = 0; observers.size > 0; told += 1) {
    expect(told).toBeLessThan(1_000);
    observer?.invocationStarted?.({ ...invocation(String(told)), event });
    await sleep(5);
  }
  socket.destroy();
}, 60_000);
