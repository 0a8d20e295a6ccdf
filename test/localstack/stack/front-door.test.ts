import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { createFrontDoor, type FrontDoor } from '#localstack/stack/front-door.ts';

let directory: string;
let webDirectory: string;
let door: FrontDoor;
let port: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-web-'));
  webDirectory = join(directory, 'web');
  await mkdir(webDirectory);
  door = createFrontDoor({ stage: 'local' });
  port = await listenOnLoopback(door.server);
});

afterEach(async () => {
  await closeServer(door.server);
  await rm(directory, { recursive: true });
});

/** With names by which it may be asked beside those of the loopback. */
async function reopen(...names: string[]) {
  await closeServer(door.server);
  door = createFrontDoor({ stage: 'local', names });
  port = await listenOnLoopback(door.server);
  open();
}

function open() {
  door.open({
    webDirectory,
    gateway: {
      handleUpgrade: () => false,
      handleRequest(request, response) {
        if (!request.url?.startsWith('/local/@connections/')) return false;
        response.end('gateway');
        return true;
      },
    },
    inspector: {
      handleRequest(request, response) {
        if (request.url !== '/inspect') return false;
        response.end('inspector');
        return true;
      },
    },
    issuer: {
      handleRequest(request, response) {
        if (!request.url?.startsWith('/token')) return false;
        response.end('issuer');
        return true;
      },
    },
  });
}

/** All that is behind the door, and what is not there. */
const everything = [
  ['/', 'GET'],
  ['/health', 'GET'],
  ['/token?user=alice', 'GET'],
  ['/token?user=alice', 'OPTIONS'],
  ['/inspect', 'GET'],
  ['/local', 'GET'],
  ['/local/@connections/x', 'POST'],
  ['/local/@connections/x', 'DELETE'],
  ['/nowhere', 'GET'],
] as const;

async function ask(path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}) {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

async function upgrade(path: string, headers: Readonly<Record<string, string>> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  return response.statusCode;
}

describe('before it is open', () => {
  it.each(['/health', '/', '/token?user=alice'])('answers %s with 503', async (path) => {
    expect(await ask(path)).toMatchObject({ status: 503 });
  });

  it('refuses WebSockets with 503', async () => {
    expect(await upgrade('/local')).toBe(503);
  });
});

describe('when it is open', () => {
  beforeEach(open);

  it('is healthy', async () => {
    expect(await ask('/health')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
  });

  it('leads to the gateway and to the issuer', async () => {
    expect((await ask('/local/@connections/x', 'POST')).text).toBe('gateway');
    expect((await ask('/token?user=alice')).text).toBe('issuer');
  });

  it.each(['127.0.0.1:4510', 'localhost:4510', 'LOCALHOST', '[::1]:4510', '127.0.0.1', 'app.localhost:80'])(
    'gives tokens, and what requests do, by %s',
    async (name) => {
      expect((await ask('/token?user=alice', 'GET', { host: name })).text).toBe('issuer');
      expect((await ask('/inspect', 'GET', { host: name })).text).toBe('inspector');
    },
  );

  describe.each<[string, Record<string, string>]>([
    ...[
      'evil.example:4510',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example#[::1]',
      '10.0.0.1',
      '0.0.0.0:4510',
    ].map((host): [string, Record<string, string>] => [`a page whose name ${host} leads here`, { host }]),
    ...['http://evil.example', 'https://evil.example:4510', 'null', 'http://localhost.evil.example', ''].map(
      (origin): [string, Record<string, string>] => [`a page of the origin "${origin}"`, { origin }],
    ),
  ])('to %s', (_, headers) => {
    it('answers nothing', async () => {
      await writeFile(join(webDirectory, 'index.html'), 'page');
      open();
      for (const [path, method] of everything) {
        const { status, text, headers: answered } = await ask(path, method, headers);
        expect([path, status, text]).toEqual([path, 403, expect.stringMatching(/^This is not .* HOST=name/)]);
        expect(answered).not.toHaveProperty('access-control-allow-origin');
      }
    });

    it('opens no WebSocket', async () => {
      expect(await upgrade('/local', headers)).toBe(403);
    });
  });

  it.each(['http://localhost:3000', 'http://127.0.0.1:8080', 'https://app.localhost', 'http://[::1]:5173'])(
    'lets a page of %s have tokens, refusals of tokens and WebSockets, and read nothing else',
    async (origin) => {
      for (const path of ['/token?user=alice', '/token'])
        expect((await ask(path, 'GET', { origin })).headers).toMatchObject({
          ...{ 'access-control-allow-origin': origin, vary: 'origin' },
        });
      for (const path of ['/health', '/inspect', '/', '/nowhere'])
        expect((await ask(path, 'GET', { origin })).headers).not.toHaveProperty(
          'access-control-allow-origin',
        );
      // The gateway of this test has no WebSocket: it was asked.
      expect(await upgrade('/local', { origin })).toBe(404);
    },
  );

  it('is not embedded by a page of another site, but may be linked to', async () => {
    const to = (dest: string, site = 'cross-site') => ({ 'sec-fetch-site': site, 'sec-fetch-dest': dest });
    for (const dest of ['image', 'script', 'iframe', 'empty'])
      expect(await ask('/inspect', 'GET', to(dest))).toMatchObject({ status: 403 });
    expect((await ask('/token?user=alice', 'GET', to('document'))).text).toBe('issuer');
    expect((await ask('/inspect', 'GET', to('empty', 'same-origin'))).text).toBe('inspector');
    // A page of the developer's on another name of the loopback: its Origin says whose it is.
    const headers = { ...to('empty'), origin: 'http://localhost:3000' };
    expect((await ask('/token?user=alice', 'GET', headers)).text).toBe('issuer');
  });

  it('tells caches that a token is for one origin', async () => {
    expect((await ask('/token?user=alice')).headers).toMatchObject({ vary: 'origin' });
  });

  it('shows the page, whole, and has browsers neither keep it nor guess what it is', async () => {
    await writeFile(join(webDirectory, 'index.html'), 'page');
    open();
    expect(await ask('/')).toMatchObject({
      ...{ status: 200, text: 'page' },
      headers: {
        'content-type': 'text/html;charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'; "),
      },
    });
    expect(await ask('/index.html', 'GET', { range: 'bytes=3-1' })).toMatchObject({
      status: 200,
      text: 'page',
    });
    expect(await ask('/', 'HEAD')).toMatchObject({ status: 200, text: '' });
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/.hidden',
    '/index.html%00.css',
    '/%',
  ])('shows no %s', async (path) => {
    await writeFile(join(directory, 'secret.txt'), 'secret');
    await writeFile(join(webDirectory, '.hidden'), 'secret');
    open();
    const { status, text } = await ask(path);
    expect([status, text]).toEqual([404, expect.stringContaining('Nothing is at')]);
  });

  it('shows the addresses where there is no page', async () => {
    const { status, text } = await ask('/');
    expect(status).toBe(200);
    expect(text).toContain(`ws://127.0.0.1:${port}/local`);
  });

  it.each(['/nowhere', '//', '//health', '/health/', '/local/x'])(
    'answers %s with 404 and the addresses',
    async (path) => {
      const { status, text } = await ask(path);
      expect(status).toBe(404);
      expect(text).toContain(`Nothing is at ${path}.`);
      expect(text).toContain('/token?user=alice');
    },
  );

  it('answers other methods than GET and HEAD with 404', async () => {
    await writeFile(join(webDirectory, 'index.html'), 'page');
    open();
    expect(await ask('/health', 'POST')).toMatchObject({ status: 404 });
    expect(await ask('/index.html', 'DELETE')).toMatchObject({ status: 404 });
  });

  it.each(['/local', '/local/'])('tells whoever opens %s without a WebSocket to use one', async (path) => {
    const { status, headers, text } = await ask(path);
    expect([status, headers.upgrade]).toEqual([426, 'websocket']);
    expect(text).toContain(`ws://127.0.0.1:${port}/local`);
  });

  it('refuses a WebSocket elsewhere', async () => {
    expect(await upgrade('/elsewhere')).toBe(404);
  });

  it('is open to the names that it is given, and to pages of theirs, and to no others', async () => {
    await reopen('my-machine.local', '192.168.1.5', '[2001:db8::1]');
    for (const name of ['My-Machine.local:4510', '192.168.1.5:4510', '[2001:db8::1]:80']) {
      const headers = { host: name, origin: `https://${name}` };
      expect((await ask('/token?user=alice', 'GET', headers)).text).toBe('issuer');
      expect(await upgrade('/local', headers)).toBe(404);
      expect(await ask('/health', 'GET', { host: name, origin: 'http://evil.example' })).toMatchObject({
        status: 403,
      });
    }
    expect(await ask('/health', 'GET', { host: 'your-machine.local' })).toMatchObject({ status: 403 });
    expect(await ask('/health', 'GET', { host: 'my-machine.local.evil.example' })).toMatchObject({
      status: 403,
    });
  });
});
