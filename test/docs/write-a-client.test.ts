import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import { listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { startStack } from '#localstack/stack.ts';
import type { Message } from '#shared/protocol/replies.ts';
import { openSharedStack } from '#test/contract/support/target.ts';
import { eventually, newUser } from '../client/support/devices.ts';

interface DocumentedClient {
  send(recipientId: string, content: string): Promise<Message>;
  close(): void;
}
type Connect = (options: {
  url: string;
  getToken(): Promise<string>;
  onMessage(message: Message): void;
  onReset?(): void;
}) => DocumentedClient;

const page = fileURLToPath(new URL('../../docs/write-a-client.md', import.meta.url));
const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(page, 'utf8')) ?? [];
// Inside the project, so that the code finds its packages.
const folder = mkdtempSync(fileURLToPath(new URL('../../node_modules/.write-a-client-', import.meta.url)));

let stack: Awaited<ReturnType<typeof openSharedStack>>;
let connect: Connect;
const clients: DocumentedClient[] = [];

beforeAll(async () => {
  const file = join(folder, 'client.mjs');
  writeFileSync(file, code);
  ({ connect } = await import(pathToFileURL(file).href));
  stack = await openSharedStack(inject('sharedStackDoor'));
}, 120_000);
afterEach(() => void vi.useRealTimers());
afterAll(async () => {
  for (const client of clients) client.close();
  rmSync(folder, { recursive: true });
  await stack.stop();
}, 60_000);

function open(user: string, url = stack.url) {
  const contents: string[] = [];
  const client = connect({
    url,
    getToken: () => stack.token(user),
    onMessage: ({ content }) => contents.push(content),
  });
  clients.push(client);
  return { ...client, contents };
}

test('the client of the page has fewer than 80 lines', () => {
  expect(code.trimEnd().split('\n').length).toBeLessThan(80);
  expect(code).toContain('export function connect');
});

test('two such clients talk, and a refusal is told', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [one, other] = [open(alice), open(bob)];
  expect(await one.send(bob, 'hello')).toMatchObject({ seq: 1, content: 'hello' });
  await eventually(() => expect(other.contents).toEqual(['hello']));
  await other.send(alice, 'hi');
  await eventually(() => expect(one.contents).toEqual(['hello', 'hi']));
  await expect(one.send(alice, 'to oneself')).rejects.toThrow(/^bad_request: /);
  await one.send(bob, 'after the refusal');
  await eventually(() => expect(other.contents).toEqual(['hello', 'hi', 'after the refusal']));
}, 60_000);

test('content that no frame can carry is refused before it ends every connection', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const one = open(alice);
  await expect(one.send(bob, 'x'.repeat(40_000))).rejects.toThrow(/^too_large: /);
  await expect(one.send(bob, 'x'.repeat(20_000))).rejects.toThrow(/^too_large: /);
  expect(await one.send(bob, 'short')).toMatchObject({ seq: 1 });
}, 60_000);

test('a client that is closed while it waits or asks for a token makes no further attempt', async () => {
  let attempts = 0;
  const server = createServer((socket) => {
    attempts += 1;
    socket.destroy();
  });
  const url = `ws://${loopback}:${await listenOnLoopback(server)}/`;
  let tokens = 0;
  let giveToken = (_token: string) => {};
  const client = connect({
    url,
    getToken() {
      tokens += 1;
      return tokens === 1 ? Promise.resolve('a.b.c') : new Promise((resolve) => (giveToken = resolve));
    },
    onMessage() {},
  });
  await eventually(() => expect(tokens).toBe(2));
  expect(attempts).toBe(1);
  client.close();
  giveToken('a.b.c');

  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const waiting = connect({ url, getToken: async () => 'a.b.c', onMessage() {} });
  // Not by vi.waitFor, which would make the faked time go on.
  while (vi.getTimerCount() === 0) await sleep(5);
  expect(attempts).toBe(2);
  waiting.close();
  vi.runAllTimers();
  vi.useRealTimers();
  await new Promise((resolve) => server.close(resolve));
  expect(attempts).toBe(2);
}, 60_000);

test('a backlog of several pages arrives whole', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const wanted = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(14_000)}`);
  const sender = open(alice);
  await Promise.all(wanted.map((content) => sender.send(bob, content)));
  const { contents } = open(bob);
  await eventually(() => expect(contents).toHaveLength(wanted.length));
  expect(contents).toEqual(wanted);
}, 60_000);

test('with connections cut again and again, everything arrives once and in order', async () => {
  const network = await startNetwork(stack.url);
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [one, other] = [open(alice, network.url), open(bob, network.url)];
  const sent = Array.from({ length: 40 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 60));
    if (index % 6 === 5) network.cut();
    return await (index % 2 ? one.send(bob, `alice ${index}`) : other.send(alice, `bob ${index}`));
  });
  const log = (await Promise.all(sent)).sort((first, second) => first.seq - second.seq);
  expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  const wanted = log.map(({ content }) => content);
  await eventually(() => expect([one.contents, other.contents]).toEqual([wanted, wanted]));
  one.close();
  other.close();
  await network.stop();
}, 120_000);

test('once the data are others, a client forgets what it held, says so, and takes what stands there now', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const received: string[] = [];
  let current = await startStack();
  const port = Number(new URL(current.url).port);
  const client = connect({
    url: current.url,
    getToken: () => current.token(bob),
    onMessage: ({ seq, content }) => received.push(`${seq} ${content}`),
    onReset: () => received.push('reset'),
  });
  clients.push(client);
  const sendAll = async (contents: readonly string[]) => {
    const one = connect({ url: current.url, getToken: () => current.token(alice), onMessage() {} });
    for (const content of contents) await one.send(bob, content);
    one.close();
  };
  await sendAll(['lost', 'lost as well']);
  await eventually(() => expect(received).toEqual(['1 lost', '2 lost as well']));
  await current.stop();

  // Without DATA_DIR everything is gone: the same places are given to others.
  current = await startStack({ port });
  await sendAll(['new', 'new as well', 'the third']);

  const wanted = ['1 lost', '2 lost as well', 'reset', '1 new', '2 new as well', '3 the third'];
  await eventually(() => expect(received).toEqual(wanted));
  client.close();
  await current.stop();
}, 300_000);

/** A network between the clients and the stack that can be cut, in the middle of whatever is under way. */
async function startNetwork(url: string) {
  const { port, pathname } = new URL(url);
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    const far = connectTcp(Number(port), loopback);
    for (const [socket, peer] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(peer);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
    }
  });
  return {
    url: `ws://${loopback}:${await listenOnLoopback(server)}${pathname}`,
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
