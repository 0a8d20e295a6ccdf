import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIssuer, type Issuer } from '#localstack/emulators/issuer/issuer.ts';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';

let directory: string;
let keyFile: string;
let server: Server;
let url: string;
let issuer: Issuer;

async function start(options: { keyFile?: string } = {}) {
  server = createServer((request, response) => {
    if (!issuer.handleRequest(request, response)) response.writeHead(404).end('not the issuer');
  });
  url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  issuer = await createIssuer({ issuer: url, audience: 'postrider', ...options });
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-issuer-'));
  keyFile = join(directory, 'issuer.json');
  await start();
});

afterEach(async () => {
  await closeServer(server);
  await rm(directory, { recursive: true });
});

/** As any service would: by what the well-known documents say. */
async function verify(token: string, audience = 'postrider') {
  const configuration = JSON.parse((await get('/.well-known/openid-configuration')).text);
  const keys = createRemoteJWKSet(new URL(configuration.jwks_uri));
  return jwtVerify(token, keys, { issuer: configuration.issuer, audience });
}

async function get(path: string, method = 'GET') {
  const response = await fetch(`${url}${path}`, { method });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('tokens', () => {
  it('are verified by the published keys', async () => {
    const { payload, protectedHeader } = await verify(await issuer.token('alice'));
    expect(payload).toMatchObject({ iss: url, sub: 'alice', aud: 'postrider' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT' });
  });

  it('are refused for another audience, or after a change', async () => {
    const token = await issuer.token('alice');
    await expect(verify(token, 'another')).rejects.toThrow();
    const [header, , signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'bob' })).toString('base64url');
    await expect(verify(`${header}.${forged}.${signature}`)).rejects.toThrow(/signature/);
  });

  it('carry the claims and the time that the caller wants', async () => {
    const claims = decodeJwt(await issuer.token('alice', -10, { aud: 'another', role: 'admin' }));
    expect(claims).toMatchObject({ aud: 'another', role: 'admin' });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(-10);
  });
});

describe('GET /token', () => {
  it('answers a token as plain text and nothing else', async () => {
    const { status, headers, text } = await get('/token?user=alice');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await verify(text)).payload.sub).toBe('alice');
    expect(text).toBe(text.trim());
  });

  it('takes every character that a user id may have, and a ttl', async () => {
    const user = `A9._:@|-${'x'.repeat(120)}`;
    const { text } = await get(`/token?user=${encodeURIComponent(user)}&ttl=60`);
    const { sub, exp, iat } = decodeJwt(text);
    expect([sub, (exp ?? 0) - (iat ?? 0)]).toEqual([user, 60]);
  });

  it.each<[string, RegExp]>([
    ['', /"user" is missing/],
    ['?user=', /"user" is missing/],
    ['?ttl=5', /"user" is missing/],
    ['?user=a%20b', /"user" must be/],
    ['?user=a%0Ab', /"user" must be/],
    ['?user=%C3%A9', /"user" must be/],
    [`?user=${'x'.repeat(129)}`, /"user" must be 1 to 128/],
    ['?user=a&ttll=5', /There is no "ttll"; there are "user" and "ttl"\./],
    ['?User=a', /There is no "User"/],
    ['?user=a&user=b', /once/],
    ['?user=a&ttl=1&ttl=2', /once/],
    ...['', '0', '-1', '1.5', '1e3', 'hour', '31536001', '9'.repeat(30)].map((ttl): [string, RegExp] => [
      `?user=a&ttl=${ttl}`,
      /"ttl" must be a whole number/,
    ]),
  ])('refuses %s and says why', async (query, reason) => {
    const { status, text } = await get(`/token${query}`);
    expect(status).toBe(400);
    expect(text).toMatch(reason);
    expect(text).toContain('/token?user=alice');
  });
});

it('is for GET', async () => {
  const { status, headers } = await get('/token?user=alice', 'POST');
  expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

it('leaves every other path to others', async () => {
  expect(await get('/tokens?user=alice')).toMatchObject({ status: 404, text: 'not the issuer' });
  expect(await get('/constructor')).toMatchObject({ status: 404 });
});

it('never publishes the private half of its key', async () => {
  const { keys } = JSON.parse((await get('/.well-known/jwks.json')).text);
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

describe('the key file', () => {
  it('keeps tokens good over a restart on another port, and is for the owner alone', async () => {
    await closeServer(server);
    await start({ keyFile });
    const before = url;
    const token = await issuer.token('alice');
    await closeServer(server);
    await start({ keyFile });

    expect(url).not.toBe(before);
    expect(issuer.issuer).toBe(before);
    expect((await verify(token)).payload.sub).toBe('alice');
    expect(decodeProtectedHeader(await issuer.token('bob')).kid).toBe(decodeProtectedHeader(token).kid);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  });

  it('makes tokens bad when there is none', async () => {
    const token = await issuer.token('alice');
    await closeServer(server);
    await start();
    await expect(verify(token)).rejects.toThrow();
  });

  it.each(['{', '{}', 'null', '{"issuer":"http://127.0.0.1","jwk":{}}'])(
    'is not replaced when it is damaged: %s',
    async (content) => {
      await writeFile(keyFile, content);
      await expect(start({ keyFile })).rejects.toThrow(/issuer\.json is damaged/);
    },
  );
});
