import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
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
