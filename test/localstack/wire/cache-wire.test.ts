import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type CacheCall,
  type CacheOutcome,
  type CacheWire,
  startCacheWire,
} from '#localstack/wire/cache-wire.ts';
import { makeRespReader, type RespValue } from '#localstack/wire/resp.ts';
import { makeValkeyConnect } from '#shared/cache/valkey-connection.iovalkey.ts';
import { sayByHttp } from '#test/localstack/support/say-by-http.ts';

/** Commands that reached the server, and what it answers to each. */
const received: string[][] = [];
const answers: Readonly<Record<string, string>> = {
  PING: '+PONG\r\n',
  MULTI: '+OK\r\n',
  SET: '+QUEUED\r\n',
  ZADD: '+QUEUED\r\n',
  EXEC: '*2\r\n+OK\r\n:1\r\n',
  ZRANGE: '*4\r\n$2\r\na1\r\n$1\r\n1\r\n$2\r\nb2\r\n$1\r\n2\r\n',
  MGET: '*3\r\n$2\r\na1\r\n$-1\r\n$2\r\nc3\r\n',
};

let server: Server;
let wire: CacheWire;
const began: CacheCall[] = [];
const ended: [CacheCall, CacheOutcome][] = [];
const sockets = new Set<Socket>();

beforeEach(async () => {
  received.length = began.length = ended.length = 0;
  server = createServer((socket) => {
    sockets.add(socket);
    const read = makeRespReader((value: RespValue) => {
      const command = (value as RespValue[]).map(String);
      received.push(command);
      // In pieces, as a network may bring it.
      for (const piece of (answers[command[0]?.toUpperCase() ?? ''] ?? '-ERR\r\n').match(/[\s\S]{1,3}/g) ??
        [])
        socket.write(piece);
    });
    socket.on('data', read).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  wire = await startCacheWire(new URL(`redis://127.0.0.1:${port}`));
  wire.observe({ began: (call) => began.push(call), ended: (call, outcome) => ended.push([call, outcome]) });
});

afterEach(async () => {
  await wire.stop();
  for (const socket of sockets) socket.destroy();
  server.close();
});

const connect = (url: string) =>
  makeValkeyConnect({ url, clusterMode: false }, { clock: { now: Date.now } })();

test("the product's own client passes, and each call is told with its environment and what it found", async () => {
  const connection = await connect(wire.urlFor('environment-7'));
  await connection.pipeline([['ZRANGE', 'k', 0, 9, 'BYSCORE', 'WITHSCORES']]);
  const [entries] = await connection.pipeline([['MGET', 'a', 'b', 'c']]);
  await connection.transaction([
    ['SET', 'a', Buffer.from('x\r\ny')],
    ['ZADD', 'k', 1, 'a1'],
  ]);
  connection.close();

  expect(entries).toStrictEqual([Buffer.from('a1'), null, Buffer.from('c3')]);
  expect(received.flat()).not.toContain('environment-7');
  expect(received).toContainEqual(['SET', 'a', 'x\r\ny']);
  expect(
    ended.map(([{ environmentId, commands }, { found }]) => [environmentId, commands, found]),
  ).toStrictEqual([
    ['environment-7', ['ZRANGE'], 2],
    ['environment-7', ['MGET'], 2],
    ['environment-7', ['SET', 'ZADD'], undefined],
  ]);
  expect(began).toStrictEqual(ended.map(([call]) => call));
  for (const [call, outcome] of ended) expect(outcome.endedAt).toBeGreaterThanOrEqual(call.beganAt);
});

test('without a sign-in it passes all the same, and nothing is told', async () => {
  const connection = await connect(wire.urlFor('x').replace(/\/\/.*@/, '//'));
  await connection.pipeline([['MGET', 'a', 'b', 'c']]);
  connection.close();
  expect(received).toContainEqual(['MGET', 'a', 'b', 'c']);
  expect(began).toStrictEqual([]);
});

test('a web page gets no command through, whatever it puts into a request', async () => {
  const port = Number(new URL(wire.urlFor('x')).port);
  for (const method of ['GET', 'POST', 'PUT']) expect(await sayByHttp(port, method)).toBe('');
  expect(received).toStrictEqual([]);
});

test('a server that is gone is gone for the function as well', async () => {
  const connection = await connect(wire.urlFor('x'));
  for (const socket of sockets) socket.destroy();
  expect(await connection.pipeline([['MGET', 'a']])).toStrictEqual([expect.any(Error)]);
  server.close();
  await expect(connect(wire.urlFor('x'))).rejects.toThrow();
});
