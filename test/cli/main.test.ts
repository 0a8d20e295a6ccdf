import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { eventually } from './support/terminal.ts';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

function launch(argv: readonly string[]) {
  const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    texts.out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    texts.err += String(chunk);
  });
  const exitCode = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { child, texts, exitCode };
}

/** Something that lets itself be connected to, and never answers. */
async function silence() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `ws://127.0.0.1:${port}/local`,
    connections: () => sockets.length,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('the process ends with the exit code of the command, and with all that it printed', async () => {
  const { texts, exitCode } = launch(['help']);
  expect(await exitCode).toBe(0);
  expect(texts.out).toMatch(/^Talk over Postrider.*help chat\n$/s);
  const wrong = launch(['transmit']);
  expect(await wrong.exitCode).toBe(2);
  expect(wrong.texts.err).toContain('There is no command');
});

test('Ctrl-C breaks off a command that waits, with the exit code of shells', async () => {
  using place = await silence();
  const { child, exitCode } = launch(['send', 'alice', 'bob', 'hello', '--url', place.url]);
  await eventually(() => expect(place.connections()).toBeGreaterThan(0));
  child.kill('SIGINT');
  expect(await exitCode).toBe(130);
});

test('who is gone is not written to: a broken pipe ends it', async () => {
  const { child, exitCode } = launch(['help']);
  child.stdout.destroy();
  expect(await exitCode).toBe(141);
});

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The PATH of a person, whose `node` may be older than the project's. */
const ownPath = (process.env.PATH ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));

/** What a program prints and its exit code, by the Node of this machine. */
async function execute(file: string, argv: readonly string[]) {
  const options = { cwd: root, env: { ...process.env, PATH: ownPath.join(delimiter) } };
  return await promisify(execFile)(file, [...argv], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code: Number(code), stdout: String(stdout), stderr: String(stderr) }),
  );
}

test('npx postrider is it, with its exit codes, by whatever Node is installed', async () => {
  const helped = await execute('npx', ['--no-install', 'postrider', 'help', 'chat']);
  expect(helped).toMatchObject({ code: 0, stderr: '' });
  expect(helped.stdout).toContain('npx postrider chat alice bob');
  expect(await execute('npx', ['--no-install', 'postrider', 'transmit'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('There is no command'),
  });
}, 60_000);

test('by an old Node or a new one, it is the same program, and a signal reaches it', async () => {
  using place = await silence();
  const argv = [join(root, 'cli/postrider.mjs'), 'send', 'alice', 'bob', 'hello', '--url', place.url];
  const env = { ...process.env, PATH: ownPath.join(delimiter) };
  for (const node of ['node', process.execPath]) {
    const before = place.connections();
    const child = spawn(node, argv, { stdio: 'ignore', env });
    const exitCode = new Promise((resolve) => child.on('exit', resolve));
    await eventually(() => expect(place.connections()).toBeGreaterThan(before));
    child.kill('SIGINT');
    expect(await exitCode).toBe(130);
  }
}, 60_000);

test('as a package of another project it says why it does not run', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postrider-installed-'));
  const installed = join(directory, 'node_modules/postrider/cli');
  await mkdir(installed, { recursive: true });
  await cp(join(root, 'cli'), installed, { recursive: true });
  expect(await execute(process.execPath, [join(installed, 'postrider.mjs'), 'help'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/Clone the repository/),
  });
  await rm(directory, { recursive: true });
});
