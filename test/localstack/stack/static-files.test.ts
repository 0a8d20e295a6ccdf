import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { serveFile } from '#localstack/stack/static-files.ts';

let directory: string;
let server: Server;
let port: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-web-'));
  const root = join(directory, 'web');
  await mkdir(join(root, 'deep', 'er'), { recursive: true });
  await writeFile(join(directory, 'secret.txt'), 'secret');
  await mkdir(join(directory, 'web-secrets'));
  await writeFile(join(directory, 'web-secrets', 'secret.txt'), 'secret');
  await writeFile(join(root, 'index.html'), '<p>page</p>');
  await writeFile(join(root, 'style.css'), 'p {}');
  await writeFile(join(root, 'deep', 'er', 'a b.js'), 'run()');
  await writeFile(join(root, 'unknown.xyz'), 'bytes');
  await writeFile(join(root, '.hidden'), 'secret');
  await symlink(join(directory, 'secret.txt'), join(root, 'link.txt'));
  await symlink(join(root, 'style.css'), join(root, 'inside.css'));
  server = createServer((request, response) => {
    void serveFile(root, request, response).then((found) => {
      if (!found) response.writeHead(404).end('none');
    });
  });
  port = await listenOnLoopback(server);
});

afterAll(async () => {
  await closeServer(server);
  await rm(directory, { recursive: true });
});

/** By node:http, because fetch would tidy the path up before sending it. */
async function request(path: string, method = 'GET') {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, method, agent: false }, resolve).on('error', reject);
  });
  let text = '';
  for await (const chunk of response) text += chunk;
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    headers: response.headers,
    text,
  };
}

it.each([
  ['/', 'text/html; charset=utf-8', '<p>page</p>'],
  ['/index.html?x=1', 'text/html; charset=utf-8', '<p>page</p>'],
  ['/style.css', 'text/css; charset=utf-8', 'p {}'],
  ['/deep/er/a%20b.js', 'text/javascript; charset=utf-8', 'run()'],
  ['/unknown.xyz', 'application/octet-stream', 'bytes'],
  ['/inside.css', 'text/css; charset=utf-8', 'p {}'],
  ['//style.css', 'text/css; charset=utf-8', 'p {}'],
])('serves %s', async (path, type, text) => {
  expect(await request(path)).toMatchObject({ status: 200, type, text });
});

it('sends headers alone for HEAD, and forbids guessing at types', async () => {
  const { status, headers, text } = await request('/style.css', 'HEAD');
  expect([status, text, headers['x-content-type-options']]).toEqual([200, '', 'nosniff']);
});

it.each([
  '/none.html',
  '/deep',
  '/deep/',
  '/.hidden',
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/deep/../../secret.txt',
  '/..%5csecret.txt',
  '/../web-secrets/secret.txt',
  '/link.txt',
  '/index.html%00.css',
  '/%',
  '//',
])('does not serve %s', async (path) => {
  expect(await request(path)).toMatchObject({ status: 404, text: 'none' });
});
