import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createInspector } from '#localstack/inspector/inspector.ts';
import { closeServer, listenOnLoopback } from '#localstack/loopback-server.ts';
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
