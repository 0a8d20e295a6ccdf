import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cache, startCache } from '#localstack/emulators/cache/cache.ts';
import { type DynamoDb, startDynamoDb } from '#localstack/emulators/dynamodb/dynamodb.ts';
import { loopback } from '#localstack/http/loopback-server.ts';
import { makeRandom } from '#test/contract/history/random.ts';
import { startCacheProxy } from './cache-proxy.ts';
import { type Child, startChild } from './child.ts';
import type { CacheKind } from './kinds.ts';
import type { Kill, Weather } from './plan.ts';
import type { StackOrder, StackReport, StackSettings } from './stack-process.ts';
import type { Injected } from './wire-faults.ts';

export interface BackendOptions {
  readonly seed: number;
  /** For its data and logs. */
  readonly directory: string;
  /** Ends the attempts to start what does not start. */
  readonly signal: AbortSignal;
  onFault(fault: Injected | { readonly kind: CacheKind }): void;
  /** The stack has ended without having been killed. It is started again. */
  onUnexpectedEnd(): void;
}

/** The stack, and beside it the database and the cache that it uses, each to be killed by itself or all at once. */
export interface Backend {
  readonly url: string;
  readonly httpUrl: string;
  /** Whether there is a cache server on this machine. */
  readonly hasCache: boolean;
  setWeather(weather: Pick<Weather, 'wire' | 'cache'>): void;
  /** Kills, and resolves when what was killed is there again; for a worker, at once. */
  kill(kill: Kill): Promise<void>;
  /** Ends all faults, and resolves when no function has called anything for a while. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Those of which one dies, the most important ones more often. */
const victims = [
  'send',
  'send',
  'send',
  'reconnect',
  'reconnect',
  'sync',
  'sync',
  'connect',
  'deliver',
] as const;
const silenceMs = 2_500;
const longestUnrestMs = 40_000;
const startPatienceMs = 60_000;

export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { seed, directory, onFault } = options;
  await using cleanup = new AsyncDisposableStack();
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const [port, databasePort, cachePort] = [await quietPort(), await quietPort(), await quietPort()];
  const random = makeRandom(seed + 1);
  const proxy = cleanup.adopt(
    await startCacheProxy({ port: cachePort, random, onFault: (kind) => onFault({ kind }) }),
    (it) => it.stop(),
  );
  let weather: Pick<Weather, 'wire' | 'cache'> = { wire: {}, cache: {} };
  let database: DynamoDb | undefined;
  let cache: Cache | undefined;
  let stack: RunningStack | undefined;
  let starts = 0;
  let stopping = false;

  async function startDatabase(): Promise<void> {
    const file = join(dataDir, 'dynamodb.sqlite');
    database = await persistently(options.signal, () =>
      startDynamoDb({ file, port: databasePort, endpoint: '' }),
    );
  }

  async function startCacheServer(): Promise<void> {
    cache = await startCache({ url: '' });
    proxy.setUpstream(cache && Number(new URL(cache.url).port));
  }

  async function startTheStack(): Promise<void> {
    starts += 1;
    const settings: StackSettings = {
      port,
      dataDir,
      seed: seed + starts,
      cache: cache !== undefined,
    };
    const started = await persistently(options.signal, () => startStackProcess(settings));
    stack = started;
    started.child.tell({ type: 'weather', rates: weather.wire });
    void started.child.exited.then(() => {
      if (stopping || stack !== started) return;
      options.onUnexpectedEnd();
      void startTheStack();
    });
  }

  async function startStackProcess(settings: StackSettings): Promise<RunningStack> {
    const ready = Promise.withResolvers<{ url: string; httpUrl: string }>();
    const silences: ((milliseconds: number) => void)[] = [];
    const child = startChild<StackOrder, StackReport>({
      file: 'stack-process.ts',
      settings,
      logFile: join(directory, 'stack.log'),
      env: {
        DYNAMODB_ENDPOINT: `http://${loopback}:${databasePort}`,
        VALKEY_URL: `redis://${loopback}:${cachePort}`,
      },
      onReport(report) {
        if (report.type === 'ready') ready.resolve(report);
        else if (report.type === 'fault') onFault(report.fault);
        else silences.shift()?.(report.milliseconds);
      },
    });
    const failed = child.exited.then(() => {
      throw new Error(`The stack did not start; ${join(directory, 'stack.log')} says why.`);
    });
    failed.catch(() => undefined);
    const { url, httpUrl } = await Promise.race([ready.promise, failed]);
    const askSilence = () =>
      Promise.race([
        new Promise<number>((resolve) => {
          silences.push(resolve);
          child.tell({ type: 'how silent' });
        }),
        child.exited.then(() => 0),
      ]);
    return { child, url, httpUrl, askSilence };
  }

  async function killDatabase(): Promise<void> {
    const pid = database?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await database?.stop();
  }

  async function killCache(): Promise<void> {
    proxy.setUpstream(undefined);
    if (cache?.pid !== undefined) process.kill(cache.pid, 'SIGKILL');
    await cache?.stop();
  }

  async function killStack(): Promise<void> {
    const killed = stack;
    stack = undefined;
    await Promise.all([killed?.child.kill(), killDatabase(), killCache()]);
  }

  cleanup.defer(async () => {
    stopping = true;
    await Promise.all([stack?.child.kill(), database?.stop(), cache?.stop()]);
  });
  await Promise.all([startDatabase(), startCacheServer()]);
  await startTheStack();
  if (stack === undefined) throw new Error('The stack is not there.');
  const { url, httpUrl }: RunningStack = stack;
  const hasCache = cache !== undefined;
  const everything = cleanup.move();

  return {
    url,
    httpUrl,
    hasCache,
    setWeather(next) {
      weather = next;
      proxy.set(next.cache);
      stack?.child.tell({ type: 'weather', rates: next.wire });
    },
    async kill({ kind, downMs, choice }) {
      switch (kind) {
        case 'kill-worker': {
          const functionName = victims[choice % victims.length] ?? 'send';
          const moment = choice % 2 === 0 ? 'before' : 'after';
          return stack?.child.tell({ type: 'kill-worker', functionName, moment });
        }
        case 'kill-database':
          await killDatabase();
          await sleep(downMs);
          return startDatabase();
        case 'kill-cache':
          await killCache();
          await sleep(downMs);
          return startCacheServer();
        case 'kill-stack':
          await killStack();
          await sleep(downMs);
          await Promise.all([startDatabase(), startCacheServer()]);
          return startTheStack();
      }
    },
    async settle() {
      proxy.set({});
      stack?.child.tell({ type: 'calm' });
      const deadline = performance.now() + longestUnrestMs;
      while (performance.now() < deadline) {
        if (((await stack?.askSilence()) ?? 0) >= silenceMs) return;
        await sleep(200);
      }
    },
    stop: () => everything.disposeAsync(),
  };
}

interface RunningStack {
  readonly child: Child<StackOrder>;
  readonly url: string;
  readonly httpUrl: string;
  askSilence(): Promise<number>;
}

/** What was killed a moment ago may still hold its port or its file. */
async function persistently<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + startPatienceMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (signal.aborted || performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** A free port below those that the system gives to outgoing connections: one that is down for a while stays ours. */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, loopback, () => resolve(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
