import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { descendantsOf, untilGone } from '#test/localstack/support/processes.ts';

const root = join(import.meta.dirname, '../..');
// Bundling alone takes seconds of processor time, and the machine may be busy with other things.
const patienceMs = 240_000;

let directory: string;
const running: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-start-'));
  await mkdir(join(directory, 'tmp'));
});

afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

interface Settings {
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly cwd?: string;
}

/** `node localstack/start.ts`, as `npm start` runs it, on a free port and with a temp directory of its own. */
function run({ environment = {}, command, cwd = root }: Settings = {}) {
  const [program = '', ...args] = command ?? [process.execPath, 'localstack/start.ts'];
  const { npm_lifecycle_event: _, DATA_DIR: __, HOST: ___, ...inherited } = process.env;
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, PORT: '0', TMPDIR: join(directory, 'tmp'), ...environment },
  });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return {
    child,
    exited,
    output: () => output,
    async ready(): Promise<{ httpUrl: string; url: string }> {
      while (!/^ready/m.test(output)) {
        if (child.exitCode !== null) throw new Error(`It ended instead of getting ready:\n${output}`);
        await sleep(20);
      }
      const url = /ws:\/\/\S+/.exec(output)?.[0] ?? '';
      return { url, httpUrl: url.replace('ws:', 'http:').replace('/local', '') };
    },
  };
}

/** Connects, does its one thing, and returns the first frame of the type that is awaited. */
async function exchange(url: string, token: string, frame: object, type: string) {
  const socket = new WebSocket(url, ['postrider.v1', `bearer.${token}`]);
  const answer = Promise.withResolvers<Record<string, unknown>>();
  socket.on('error', answer.reject);
  socket.on('message', (data) => {
    const received = JSON.parse(String(data));
    if (received.type === type) answer.resolve(received);
  });
  socket.on('open', () => socket.send(JSON.stringify(frame)));
  const received = await answer.promise;
  socket.close();
  return received;
}

async function tokenFor(httpUrl: string, user: string): Promise<string> {
  return await (await fetch(`${httpUrl}/token?user=${user}`)).text();
}

describe('what it refuses', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['a PORT that is no number', { PORT: 'http' }, /^PORT must be a whole number .* it is "http"/m],
    [
      'a HOST that is no address of this machine',
      { HOST: '192.0.2.1' },
      /^HOST=192\.0\.2\.1 is no address of this machine\. It has .*127\.0\.0\.1/m,
    ],
    ['a HOST with a port', { HOST: '127.0.0.1:80' }, /^HOST must be an address or a name, .*:80"/m],
    ['RATE_LIMITS that are none', { RATE_LIMITS: 'many' }, /^RATE_LIMITS: .* For example: RATE_LIMITS=/m],
    [
      'a DATA_DIR that is a file',
      { DATA_DIR: import.meta.filename },
      /^The data directory .*start\.test\.ts cannot be used/m,
    ],
    [
      'a DATA_DIR that nobody can make',
      { DATA_DIR: process.platform === 'linux' ? '/proc/postrider' : join(import.meta.filename, 'below') },
      /^The data directory .* cannot be used: .* Choose one that can be written to\.$/m,
    ],
    [
      'a DYNAMODB_ENDPOINT where nobody is',
      { DYNAMODB_ENDPOINT: 'http://127.0.0.1:9' },
      /^DYNAMODB_ENDPOINT=http:\/\/127\.0\.0\.1:9 cannot be used/m,
    ],
    [
      'a VALKEY_URL where nobody is',
      { VALKEY_URL: 'redis://127.0.0.1:9' },
      /^VALKEY_URL cannot be used: .*ECONNREFUSED.* leave VALKEY_URL out\.$/m,
    ],
  ])(
    '%s',
    async (_, environment, message) => {
      const { exited, output } = run({ environment });
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toMatch(message);
      expect(output()).not.toMatch(/^\s+at /m);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
    },
    patienceMs,
  );

  it.skipIf(process.platform === 'win32')(
    'arguments, which npm puts at the end of the command',
    async () => {
      const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
      const node = `PATH=${JSON.stringify(dirname(process.execPath))}:"$PATH"`;
      const { exited, output } = run({ command: ['sh', '-c', `${node}; ${scripts.start} "--port" "1"`] });
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toMatch(/^It takes no arguments, and was given "--port 1"\..* PORT=4511 npm start$/m);
    },
    patienceMs,
  );

  it(
    'a port that is taken, and says what to do',
    async () => {
      const other = createServer();
      const port = await listenOnLoopback(other);
      const { exited, output } = run({ environment: { PORT: String(port) } });
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toContain(
        `Port ${port} is in use. Stop what uses it, or choose another one: PORT=4511 npm start`,
      );
      await closeServer(other);
    },
    patienceMs,
  );

  it(
    'to run without its dependencies, and names the remedy',
    async () => {
      const copy = join(directory, 'copy');
      for (const part of ['localstack', 'infra', 'shared', 'functions', 'package.json'])
        await cp(join(root, part), join(copy, part), { recursive: true });
      const { exited, output } = run({ cwd: copy });
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toContain('A dependency is missing. Install them all with: npm install');
      expect(output()).not.toMatch(/^\s+at /m);
    },
    patienceMs,
  );
});

describe('its end', () => {
  it(
    'comes with Ctrl-C, even twice, and leaves nothing behind',
    async () => {
      const { child, exited, output, ready } = run();
      const { httpUrl } = await ready();
      expect(output().trimEnd().split('\n').at(-1)).toMatch(/^ready/);
      expect((await fetch(`${httpUrl}/health`)).status).toBe(200);
      const { pid = 0 } = child;
      const processes = descendantsOf(pid);
      expect(processes.length).toBeGreaterThanOrEqual(2);
      expect(await readdir(join(directory, 'tmp'))).not.toEqual([]);

      child.kill('SIGINT');
      child.kill('SIGINT');
      expect(await exited).toEqual({ code: 0, signal: null });
      await untilGone(...processes);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
    },
    patienceMs,
  );

  it(
    'comes when it is still starting, too',
    async () => {
      const { child, exited, output } = run();
      while (!output().includes('starting')) await sleep(5);
      child.kill('SIGTERM');
      expect(await exited).toEqual({ code: 0, signal: null });
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
    },
    patienceMs,
  );

  it(
    'comes when a service never answers, too, and leaves nothing behind',
    async () => {
      const silent = createServer();
      const asked = once(silent, 'request');
      const port = await listenOnLoopback(silent);
      const { child, exited, output } = run({
        environment: { DYNAMODB_ENDPOINT: `http://127.0.0.1:${port}` },
      });
      await asked;
      const processes = descendantsOf(child.pid ?? 0);
      child.kill('SIGINT');
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toContain('What is left ends with this process.');
      await untilGone(...processes);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
      await closeServer(silent);
    },
    patienceMs,
  );

  it.skipIf(process.platform === 'win32')(
    'comes when the npm that started it was killed',
    async () => {
      // As npm does it: a shell between the two, which stays alive. The second command keeps the shell from being replaced.
      const npm = `require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(`'${process.execPath}' localstack/start.ts; exit $?`)}], { stdio: 'inherit' })`;
      const { child, ready } = run({
        command: [process.execPath, '-e', npm],
        environment: { npm_lifecycle_event: 'start' },
      });
      const { httpUrl } = await ready();
      // Twice as long as it takes to look for npm: it has to be found alive first.
      await sleep(1_200);
      expect((await fetch(`${httpUrl}/health`)).status).toBe(200);
      const processes = descendantsOf(child.pid ?? 0);
      expect(processes.length).toBeGreaterThanOrEqual(4);
      child.kill('SIGKILL');
      await untilGone(...processes);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
    },
    patienceMs,
  );

  it(
    'is an error when the database has ended by itself',
    async () => {
      const { child, exited, output, ready } = run();
      await ready();
      const database = await findDatabase(child.pid ?? 0);
      process.kill(database, 'SIGKILL');
      expect(await exited).toEqual({ code: 1, signal: null });
      expect(output()).toMatch(/The local DynamoDB \(dynoxide, process \d+\) ended unexpectedly, by SIGKILL/);
      expect(output()).toContain('Start it again with: npm start');
    },
    patienceMs,
  );
});

describe('DATA_DIR', () => {
  it(
    'keeps data, keys and tokens over a SIGKILL of everything, and is for one stack at a time',
    async () => {
      const environment = { DATA_DIR: join(directory, 'data') };
      const first = run({ environment });
      const { url, httpUrl } = await first.ready();
      const [alice, bob] = await Promise.all([tokenFor(httpUrl, 'alice'), tokenFor(httpUrl, 'bob')]);
      const send = {
        action: 'send',
        recipientId: 'bob',
        content: 'still here',
        clientMessageId: 'only once',
      };
      const sent = await exchange(url, alice, send, 'message.sent');

      const second = run({ environment });
      expect(await second.exited).toEqual({ code: 1, signal: null });
      expect(second.output()).toMatch(/The data directory .* is in use by another stack/);

      const processes = [first.child.pid ?? 0, ...descendantsOf(first.child.pid ?? 0)];
      for (const pid of processes) process.kill(pid, 'SIGKILL');
      await untilGone(...processes);

      const third = run({ environment });
      const { url: newUrl } = await third.ready();
      const page = await exchange(newUrl, bob, { action: 'reconnect', positions: {} }, 'reconnect.page');
      expect(page).toMatchObject({ messages: [{ seq: 1, senderId: 'alice', content: 'still here' }] });
      const again = await exchange(newUrl, alice, send, 'message.sent');
      expect(again).toMatchObject({ messageId: sent.messageId, duplicate: true });

      third.child.kill('SIGTERM');
      expect(await third.exited).toEqual({ code: 0, signal: null });
      expect(await readdir(environment.DATA_DIR)).toContain('dynamodb.sqlite');
    },
    patienceMs,
  );
});

it.skipIf(process.platform !== 'linux')(
  'its allocator is told to keep few arenas for its many threads',
  async () => {
    const { child, output } = run();
    while (!output().includes('starting')) await sleep(5);
    expect((await readFile(`/proc/${child.pid}/environ`, 'utf8')).split('\0')).toContain(
      'MALLOC_ARENA_MAX=2',
    );
  },
  patienceMs,
);

describe('HOST', () => {
  it(
    'opens it to a name, loudly, and to no other',
    async () => {
      const HOST = 'forwarded.example.invalid';
      const { output, ready } = run({ environment: { HOST } });
      const { port } = new URL((await ready()).httpUrl);
      expect(output()).toContain('HOST: THIS IS OPEN TO OTHERS.');
      expect(output()).toContain(`  http://${HOST}:${port}/\n`);
      const ask = async (host: string) => {
        const asking = request({
          port,
          host: '127.0.0.1',
          path: '/token?user=alice',
          headers: { host },
        }).end();
        const [response]: IncomingMessage[] = await once(asking, 'response');
        response?.resume();
        return response?.statusCode;
      };
      expect([await ask(HOST), await ask('localhost'), await ask('evil.example')]).toEqual([200, 200, 403]);
    },
    patienceMs,
  );
});

describe('RATE_LIMITS', () => {
  it(
    'reach the functions',
    async () => {
      const RATE_LIMITS = '{"messagesPerUser":{"burst":1,"refillPerSecond":0.001}}';
      const { url, httpUrl } = await run({ environment: { RATE_LIMITS } }).ready();
      const alice = await tokenFor(httpUrl, 'alice');
      const send = { action: 'send', recipientId: 'bob', content: 'hello' };
      await exchange(url, alice, send, 'message.sent');
      expect(await exchange(url, alice, send, 'error')).toMatchObject({ code: 'rate_limited' });
    },
    patienceMs,
  );
});

/** The process of the database below `pid`: the one that its watchdog reports, found by its command line. */
async function findDatabase(pid: number): Promise<number> {
  for (const child of descendantsOf(pid)) {
    const commandLine = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.split('\0')[0]?.endsWith('dynoxide')) return child;
  }
  throw new Error('no database');
}
