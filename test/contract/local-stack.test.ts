import { expect } from 'vitest';
import { contract, newUser } from './support/contract.ts';
import { expiryOf } from './support/tokens.ts';

const { test, target, live } = contract('local stack', { ownStackOnly: true });

const at = (path: string) => `${target().httpUrl?.replace(/\/$/, '')}${path}`;

test('the WebSocket URL is ws://127.0.0.1:{port}/local', async () => {
  expect(target().url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/local$/);
  expect(
    target()
      .url.replace(/^ws/, 'http')
      .replace(/\/local$/, ''),
  ).toBe(at(''));
});

test('GET / is the demo page', async () => {
  const response = await fetch(at('/'));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await response.text()).toMatch(/<html/i);
});

test('GET /health is 200 once ready', async () => {
  expect((await fetch(at('/health'))).status).toBe(200);
});

test('GET /token gives a token as plain text', async () => {
  const response = await fetch(at(`/token?user=${newUser()}`));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect((await response.text()).trim()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
});

test('ttl of a token is in seconds', async () => {
  const before = Date.now();
  const token = (await (await fetch(at(`/token?user=${newUser()}&ttl=600`))).text()).trim();
  expect(expiryOf(token) - before).toBeGreaterThan(590_000);
  expect(expiryOf(token) - before).toBeLessThan(660_000);
});

test('a token for a missing or bad user is 400', async () => {
  const bad = [
    '',
    '?user=',
    '?user=a%20b',
    '?user=a%2Fb',
    '?user=%C3%A4',
    `?user=${'x'.repeat(129)}`,
    '?user=a%23b',
  ];
  for (const query of bad) {
    expect((await fetch(at(`/token${query}`))).status, query.slice(0, 20)).toBe(400);
  }
});

test('@connections of an unknown id is 410, for every method', async () => {
  for (const id of ['TXzPWdnOjoECGjA%3D', 'unknown']) {
    for (const path of [`/local/@connections/${id}`, `/local/%40connections/${id}`]) {
      const post = await fetch(at(path), { method: 'POST', body: 'x' });
      const get = await fetch(at(path));
      const gone = await fetch(at(path), { method: 'DELETE' });
      expect([post.status, get.status, gone.status], path).toEqual([410, 410, 410]);
    }
  }
});

test('an unknown path is 404', async () => {
  expect((await fetch(at('/no-such-page'))).status).toBe(404);
});

test('a connection can be made by a client that knows nothing but the page', async () => {
  const client = await live(newUser());
  expect(await client.exchange('{"action":"ping","requestId":"1"}')).toEqual({
    type: 'pong',
    requestId: '1',
  });
});
