import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeIamToken } from '#shared/cache/iam-token.aws.ts';
import { makeValkeyConnect } from '#shared/cache/valkey-connection.iovalkey.ts';
import type { ValkeyConnection } from '#shared/cache/valkey-connection.ts';
import { hasOpenssl, makeTestServer, serverBinary, type TestServer } from './support/valkey-server.ts';

const iam = { userName: 'postrider', cacheName: 'postrider-cache', region: 'eu-central-1' };
const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });
const clock = { now: () => Date.now() };

describe('the settings of the connection', () => {
  it.each(['', 'localhost:6379', 'http://localhost:6379', 'valkey://', 'not a url'])('refuse "%s"', (url) => {
    expect(() => makeValkeyConnect({ url, clusterMode: false }, { clock })).toThrow(/valkeys:\/\/host/);
  });

  it('do not show the password of an address that is refused', () => {
    const settings = { url: 'http://user:secret@localhost', clusterMode: false };

    expect(() => makeValkeyConnect(settings, { clock })).toThrow(/^((?!secret).)*$/);
  });

  it('refuse to send an IAM token without TLS, or to make one without credentials', () => {
    const plain = { url: 'valkey://localhost', clusterMode: true, iam };
    const encrypted = { ...plain, url: 'valkeys://localhost' };

    expect(() => makeValkeyConnect(plain, { clock, credentials })).toThrow(/valkeys/);
    expect(() => makeValkeyConnect(encrypted, { clock })).toThrow(/credentials/);
  });
});

interface Listener {
  readonly server: Server;
  readonly sockets: Socket[];
  readonly received: string[];
  readonly port: number;
  /** What it says to CLUSTER SLOTS. */
  slots: string;
}

/** Says OK to everything, one reply for each command, and remembers what it was sent. */
async function makeListener(): Promise<Listener> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const listener: Listener = { server, sockets: [], received: [], port, slots: '' };
  server.on('connection', (socket) => {
    listener.sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      listener.received.push(String(chunk));
      for (const command of String(chunk).split(/^(?=\*\d)/m)) {
        socket.write(/slots/i.test(command) ? listener.slots : '+OK\r\n');
      }
    });
  });
  return listener;
}

/** Two nodes with half of the slots each. */
async function makeTwoNodes(): Promise<[Listener, Listener]> {
  const nodes: [Listener, Listener] = [await makeListener(), await makeListener()];
  const [one, other] = nodes.map(({ port }) => `*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`);
  for (const node of nodes) node.slots = `*2\r\n*3\r\n:0\r\n:8191\r\n${one}*3\r\n:8192\r\n:16383\r\n${other}`;
  return nodes;
}

describe('a connection', () => {
  it('signs in as the address says', async () => {
    const { server, received, port } = await makeListener();
    const url = `valkey://me:p%40ss@127.0.0.1:${port}`;
    const connection = await makeValkeyConnect({ url, clusterMode: false }, { clock })();
    connection.close();
    server.close();

    expect(received.join()).toContain('$2\r\nme\r\n$4\r\np@ss\r\n');
  });

  it('ends when the server ends it, and does not come back by itself', async () => {
    const { server, sockets, port } = await makeListener();
    const connect = makeValkeyConnect({ url: `valkey://127.0.0.1:${port}`, clusterMode: false }, { clock });
    const connection = await connect();
    expect(connection.isOpen()).toBe(true);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => connection.isOpen(), { timeout: 20_000 }).toBe(false);
    const [reply] = await connection.pipeline([['GET', 'key']]).catch((error: unknown) => [error]);
    // Long enough for the library's own first attempts, were they not turned off.
    await sleep(500);
    server.close();

    expect(reply).toBeInstanceOf(Error);
    expect(sockets).toHaveLength(1);
  });

  // https://github.com/redis/ioredis/issues/1865: left to itself, the library stays with the other node for good.
  it('ends as a whole when one node of several is lost, so that none comes back with an old password', async () => {
    const [one, other] = await makeTwoNodes();
    const connect = makeValkeyConnect(
      { url: `valkey://127.0.0.1:${one.port}`, clusterMode: true },
      { clock },
    );
    const connection = await connect();
    const wasOpen = connection.isOpen();
    for (const socket of other.sockets) socket.destroy();

    await expect.poll(() => connection.isOpen(), { timeout: 20_000 }).toBe(false);
    connection.close();
    one.server.close();
    other.server.close();
    expect(wasOpen).toBe(true);
    expect(other.sockets).toHaveLength(1);
  });

  it.each([true, false])('is given up where nothing answers (cluster mode: %s)', async (clusterMode) => {
    const silent = createServer().listen(0, '127.0.0.1');
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => {
      sockets.push(socket.resume().on('error', () => undefined));
    });
    await once(silent, 'listening');
    const address = silent.address();
    const url = `valkey://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

    await expect(makeValkeyConnect({ url, clusterMode }, { clock })()).rejects.toThrow();
    await expect.poll(() => sockets.every((socket) => socket.closed), { timeout: 20_000 }).toBe(true);
    silent.close();
  });

  it.each([true, false])('is refused where nothing listens (cluster mode: %s)', async (clusterMode) => {
    const { server, port } = await makeListener();
    server.close();
    await once(server, 'close');
    const connect = makeValkeyConnect({ url: `valkey://127.0.0.1:${port}`, clusterMode }, { clock });

    await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

const reasonToSkip = [!serverBinary && 'no server on the PATH', !hasOpenssl && 'no openssl'].filter(Boolean);

describe.skipIf(reasonToSkip.length > 0)(`TLS, cluster mode and IAM ${reasonToSkip.join(', ')}`, () => {
  let server: TestServer;
  let admin: ValkeyConnection;

  beforeAll(async () => {
    server = await makeTestServer('TLS and cluster mode');
    await server.start();
    admin = await makeValkeyConnect(server.settings, { clock })();
  });

  afterAll(async () => {
    admin.close();
    await server.remove();
  });

  it('signs in with the token of this moment at each connection', async () => {
    let now = Date.UTC(2026, 7, 16);
    const asUser = { ...server.settings, iam };
    const connect = makeValkeyConnect(asUser, { clock: { now: () => now }, credentials });
    const allow = async () => {
      const token = await makeIamToken(iam, credentials, { now: () => now });
      await admin.pipeline([['ACL', 'SETUSER', iam.userName, 'reset', 'on', '~*', '+@all', `>${token}`]]);
    };

    await allow();
    const first = await connect();
    now += 11 * 60 * 60_000;
    await expect(connect()).rejects.toThrow(/WRONGPASS/);
    await allow();
    const second = await connect();

    expect(await second.pipeline([['ACL', 'WHOAMI']])).toEqual([Buffer.from(iam.userName)]);
    first.close();
    second.close();
  });

  it('carries bytes both ways as they are', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await admin.pipeline([['SET', 'bytes', bytes]]);

    expect(await admin.pipeline([['GET', 'bytes']])).toEqual([Buffer.from(bytes)]);
  });

  it('does not trust a certificate that nobody vouches for', async () => {
    const { certificateAuthority: _, ...settings } = server.settings;

    await expect(makeValkeyConnect(settings, { clock })()).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it('gives a refused command back as its error, beside the replies of the others', async () => {
    await admin.pipeline([['SET', '{a}', 'text']]);
    const [refused, length] = await admin.pipeline([
      ['ZCARD', '{a}'],
      ['STRLEN', '{a}'],
    ]);

    expect(refused).toBeInstanceOf(Error);
    expect(length).toBe(4);
  });

  it('runs a transaction to its end although one command fails', async () => {
    const replies = await admin.transaction([
      ['SET', '{a}', 'text', 'EX', 60],
      ['ZCARD', '{a}'],
      ['PEXPIRE', '{a}', 1_000_000],
    ]);

    expect(replies.at(-2)).toBeInstanceOf(Error);
    expect(replies.at(-1)).toBe(1);
  });
});
