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

async function ask(path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}) {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

async function upgrade(path: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
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

  it.each(['127.0.0.1:4510', 'localhost:4510', 'LOCALHOST', '[::1]:4510', '127.0.0.1'])(
    'gives tokens, and what requests do, by %s',
    async (name) => {
      expect((await ask('/token?user=alice', 'GET', { host: name })).text).toBe('issuer');
      expect((await ask('/inspect', 'GET', { host: name })).text).toBe('inspector');
    },
  );

  it.each([
    'evil.example:4510',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#[::1]',
    '10.0.0.1',
  ])('gives neither by "%s", which a page of somebody else may have made to lead here', async (name) => {
    expect(await ask('/token?user=alice', 'GET', { host: name })).toMatchObject({
      status: 403,
      text: `This is for this machine alone, by a name of its own: http://127.0.0.1:${port}/token?user=alice\n`,
    });
    expect(await ask('/inspect', 'GET', { host: name })).toMatchObject({ status: 403 });
    expect(await ask('/health', 'GET', { host: name })).toMatchObject({ status: 200 });
    expect((await ask('/local/@connections/x', 'POST', { host: name })).text).toBe('gateway');
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
});
