import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort, loopback } from '#localstack/http/loopback-server.ts';
import { findProgram } from '#localstack/processes/find-program.ts';
import { type SupervisedProcess, startSupervised } from '#localstack/processes/supervised-process.ts';
import { makeValkeyConnect } from '#shared/cache/valkey-connection.iovalkey.ts';

export interface Cache {
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** What serves it: a program's path, or `VALKEY_URL`. */
  readonly origin: string;
  /** Of the server's process; undefined if it is not ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

export interface CacheOptions {
  /** A server to use instead of starting one. From `VALKEY_URL` by default. */
  readonly url?: string | undefined;
  /** Where to look for a server. The PATH by default. */
  readonly path?: string;
  /** Called once if the server ends without having been told to. Everything works on without it. */
  onCrash?(error: Error): void;
}

/** A server that was named and cannot be used. The message says what to write instead, and never holds the URL's password. */
export class NamedCacheError extends Error {
  override readonly name = 'NamedCacheError';
}

const startTimeoutMs = 20_000;

/** A Valkey (or Redis) on loopback that keeps nothing on disk; undefined if none is installed here. */
export async function startCache(options: CacheOptions = {}): Promise<Cache | undefined> {
  const external = options.url ?? process.env.VALKEY_URL;
  if (external) {
    await tryNamed(external);
    return { url: external, origin: 'VALKEY_URL', pid: undefined, stop: async () => {} };
  }
  const program = findProgram(['valkey-server', 'redis-server'], options.path);
  if (program === undefined) return undefined;
  const port = await findFreePort();
  const server = await startSupervised(program, settings(port));
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await server.stop();
  };
  if (!(await answersInTime(server, port))) {
    await stop();
    throw new Error(
      `${program} did not start. ${server.output()} Take it off the PATH to go without a cache.`,
    );
  }
  void server.exited.then(({ code, signal }) => {
    if (!stopping)
      options.onCrash?.(
        new Error(`The cache (${program}, process ${server.pid}) ended, by ${signal ?? code}.`),
      );
  });
  return { url: `redis://${loopback}:${port}`, origin: program, pid: server.pid, stop };
}

function settings(port: number): string[] {
  return [
    ...['--bind', loopback, '--port', String(port), '--daemonize', 'no', '--dir', tmpdir()],
    ...['--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
    // As on ElastiCache Serverless: only keys that expire make room.
    ...['--maxmemory', '64mb', '--maxmemory-policy', 'volatile-lru'],
  ];
}

/** As the functions will use it: without an answer now, they would go without a cache and nobody would know. */
async function tryNamed(url: string): Promise<void> {
  try {
    const connection = await makeValkeyConnect({ url, clusterMode: false }, { clock: { now: Date.now } })();
    connection.close();
  } catch (cause) {
    throw new NamedCacheError(
      `VALKEY_URL cannot be used: ${cause instanceof Error ? cause.message : cause}. ` +
        'Name a Valkey or Redis that is running, such as redis://127.0.0.1:6379, or leave VALKEY_URL out.',
      { cause },
    );
  }
}

async function answersInTime(server: SupervisedProcess, port: number): Promise<boolean> {
  let exited = false;
  void server.exited.then(() => {
    exited = true;
  });
  const deadline = performance.now() + startTimeoutMs;
  while (!exited && performance.now() < deadline) {
    if ((await processIdAt(port)) === server.pid) return true;
    await sleep(10);
  }
  return false;
}

/** The process id that the server on `port` gives: another one may have taken the port a moment before ours. */
function processIdAt(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(port, loopback);
    let answer = '';
    socket.setTimeout(2_000, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (/process_id:\d+\r\n/.test(answer)) socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () =>
      resolve(Number(/process_id:(\d+)/.exec(answer)?.[1] ?? Number.NaN) || undefined),
    );
    socket.write('INFO server\r\n');
  });
}
