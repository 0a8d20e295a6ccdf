import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import {
  type Emulation,
  emulatedUrl,
  emulationVariable,
  inlined,
  managementEndpoint,
  readEmulation,
} from '#localstack/deploy-gate/emulation.ts';
import { createIssuer, issuerPaths } from '#localstack/emulators/issuer/issuer.ts';
import { closeServer, findFreePort, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { remoteKeys } from '#shared/sign-in/issuer-keys.jose.ts';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

const issuer = { issuer: 'http://127.0.0.1:1', audience: 'postrider', jwksUri: 'http://127.0.0.1:1/keys' };
const ministack: Emulation = { ...issuer, emulator: 'ministack', endpoint: 'https://localhost:4566' };
const closings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function serve(answers: Readonly<Record<string, unknown>>): Promise<string> {
  const port = await findFreePort();
  const server = createServer(({ url = '' }, response) => {
    response.writeHead(url in answers ? 200 : 404).end(JSON.stringify(answers[url]));
  });
  await listenOnLoopback(server, port);
  closings.push(() => closeServer(server));
  return `http://${loopback}:${port}`;
}

test('in MiniStack, connections are below one path of its endpoint', async () => {
  expect(managementEndpoint(ministack, 'abc', 'v1')).toBe('https://localhost:4566/_aws/execute-api/abc/v1');
  expect(await emulatedUrl(ministack, 'wss://abc.execute-api.us-east-1.amazonaws.com/v1')).toBe(
    'wss://localhost:4566/_aws/execute-api/abc/v1',
  );
});

test('in LocalStack, each API has a host name, and clients connect where it says', async () => {
  const named: Emulation = {
    ...issuer,
    emulator: 'localstack',
    endpoint: 'https://localhost.localstack.cloud:4566',
  };
  expect(managementEndpoint(named, 'abc', 'v1')).toBe(
    'https://abc.execute-api.localhost.localstack.cloud:4566/v1',
  );
  const endpoint = await serve({ '/v2/apis/abc': { apiEndpoint: 'ws://localhost:4510' } });
  const url = 'wss://abc.execute-api.us-east-1.amazonaws.com/v1';
  expect(await emulatedUrl({ ...named, endpoint }, url)).toBe('ws://localhost:4510/v1');
  await expect(emulatedUrl({ ...named, endpoint }, url.replace('abc', 'xyz'))).rejects.toThrow('404');
});

test('an emulation is handed over whole, and its lack is named', () => {
  expect(readEmulation({ [emulationVariable]: JSON.stringify(ministack) })).toEqual(ministack);
  expect(() => readEmulation({})).toThrow(emulationVariable);
});

test('the authorizer reads an issuer’s keys from a data: URL, when nobody can be asked any more', async () => {
  const { token, handleRequest } = await createIssuer(issuer);
  const stranger = await createIssuer(issuer);
  const port = await findFreePort();
  const server = createServer((request, response) => void handleRequest(request, response));
  await listenOnLoopback(server, port);
  const jwksUri = await inlined(`http://${loopback}:${port}${issuerPaths.keys}`);
  await closeServer(server);

  const clock = { now: () => Date.now(), sleep: async () => {} };
  const keys = remoteKeys(jwksUri, { clock, keepMs: 3_600_000, telemetry: silentTelemetry });
  const verify = makeTokenVerifier({ ...issuer, keys, clock });
  expect(await verify(await token('alice'))).toMatchObject({ verdict: 'allowed', userId: 'alice' });
  expect(await verify(await stranger.token('alice'))).toMatchObject({ verdict: 'unauthorized' });
});
