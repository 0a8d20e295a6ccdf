import { afterEach, beforeEach, expect, test } from 'vitest';
import { remoteKeys } from '#shared/sign-in/issuer-keys.jose.ts';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { makeSigner, startKeyServer } from './support/token-issuer.ts';

const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const start = Date.parse('2026-03-01T00:00:00Z');
const claims = { iss: 'https://issuer.example', aud: 'postrider', sub: 'alice', exp: start / 1000 + 1e6 };

const signer = await makeSigner('k1');
const successor = await makeSigner('k2');
const stranger = await makeSigner('nobody knows it');
const token = await signer.sign(claims);

let server: Awaited<ReturnType<typeof startKeyServer>>;
beforeEach(async () => {
  server = await startKeyServer([signer.jwk]);
});
afterEach(() => server.stop());

/** The authorizer's verifier with a clock that a test moves, and what it has written into the log. */
function setUp() {
  const world = { now: start, warnings: [] as unknown[] };
  const clock = { now: () => world.now, sleep: async () => {} };
  const telemetry = {
    warn: (event: string, fields?: object) => void world.warnings.push({ event, ...fields }),
  };
  const keys = remoteKeys(server.uri, { clock, keepMs: 24 * hour, telemetry });
  const check = makeTokenVerifier({ issuer: claims.iss, audience: [claims.aud], keys, clock });
  const verdictOn = async (jwt: string) =>
    await check(jwt).then(
      (verification) => ('reason' in verification ? verification.reason : verification.verdict),
      () => 'failed',
    );
  return { world, verdictOn };
}

const publish = (...signers: { readonly jwk: object }[]) =>
  server.becomes((response) => response.end(JSON.stringify({ keys: signers.map(({ jwk }) => jwk) })));
const fail = () => server.becomes((response) => response.writeHead(503).end());

test('keys are read once in ten minutes, and a withdrawn one counts no longer then', async () => {
  const { world, verdictOn } = setUp();
  for (let count = 0; count < 5; count += 1) expect(await verdictOn(token)).toBe('allowed');
  expect(server.requests()).toBe(1);

  publish(successor);
  world.now += 10 * minute - 1;
  expect(await verdictOn(token)).toBe('allowed');
  world.now += 1;
  expect(await verdictOn(token)).toBe('unknown key');
  expect(server.requests()).toBe(2);
});

test('a key that is new is looked for at once, but once in 30 s', async () => {
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('allowed');
  publish(signer, successor);
  world.now += 30 * second - 1;
  expect(await verdictOn(await successor.sign(claims))).toBe('unknown key');
  world.now += 1;

  expect(await verdictOn(await successor.sign(claims))).toBe('allowed');
  for (let count = 0; count < 50; count += 1)
    expect(await verdictOn(await stranger.sign(claims))).toBe('unknown key');
  expect(server.requests()).toBe(2);
});

test('so is one that took the place of another under the same name, or without one', async () => {
  for (const kid of ['k1', undefined]) {
    const { world, verdictOn } = setUp();
    publish(signer);
    expect(await verdictOn(token)).toBe('allowed');
    const { kid: _, ...jwk } = successor.jwk;
    publish({ jwk: { ...jwk, ...(kid && { kid }) } });
    world.now += 30 * second;

    expect(await verdictOn(await successor.sign(claims, { kid }))).toBe('allowed');
  }
});

test('while the issuer fails, known keys count on for as long as the setting says', async () => {
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('allowed');
  fail();

  for (const since of [11 * minute, hour, 24 * hour - 1]) {
    world.now = start + since;
    expect(await verdictOn(token)).toBe('allowed');
  }
  expect(world.warnings).toHaveLength(3);
  world.now = start + 24 * hour;
  expect(await verdictOn(token)).toBe('failed');
});

test('and when it is back, they are read again', async () => {
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('allowed');
  fail();
  world.now += hour;
  expect(await verdictOn(token)).toBe('allowed');
  publish(successor);
  world.now += second;

  expect(await verdictOn(token)).toBe('unknown key');
});

test('an issuer that fails is not asked for each token: the pause doubles up to 30 s', async () => {
  fail();
  const { world, verdictOn } = setUp();
  const askedAt: number[] = [];
  for (; world.now < start + 2 * minute; world.now += second) {
    const before = server.requests();
    for (let count = 0; count < 3; count += 1) expect(await verdictOn(token)).toBe('failed');
    if (server.requests() > before) askedAt.push((world.now - start) / second);
  }

  expect(askedAt).toStrictEqual([0, 1, 3, 7, 15, 31, 61, 91]);
  expect(server.requests()).toBe(8);
});

test('nor for bad tokens, where keys are known: those are still told from right ones', async () => {
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('allowed');
  fail();
  world.now += minute;

  for (let count = 0; count < 50; count += 1) {
    // Its key may be one that the issuer has by now.
    expect(await verdictOn(await stranger.sign(claims))).toBe('failed');
    expect(await verdictOn(await stranger.sign(claims, { kid: 'k1' }))).toBe('signature');
    expect(await verdictOn(token)).toBe('allowed');
  }
  expect(server.requests()).toBe(2);
});

test('keys that could not be had are asked for again after the pause, and then kept', async () => {
  fail();
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('failed');
  publish(signer);
  world.now += second;

  expect(await verdictOn(token)).toBe('allowed');
  expect(await verdictOn(token)).toBe('allowed');
  expect(server.requests()).toBe(2);
});

test('one request at a time asks for them, whoever waits', async () => {
  const { verdictOn } = setUp();

  expect(await Promise.all(Array.from({ length: 20 }, () => verdictOn(token)))).toStrictEqual(
    Array.from({ length: 20 }, () => 'allowed'),
  );
  expect(server.requests()).toBe(1);
});

test('a request that fails is one failure, however many have waited for it', async () => {
  fail();
  const { world, verdictOn } = setUp();
  await Promise.all(Array.from({ length: 20 }, () => verdictOn(token)));
  publish(signer);
  world.now += second;

  expect(await verdictOn(token)).toBe('allowed');
  expect(server.requests()).toBe(2);
});

test('while somebody waits for an issuer that hangs, the others go on with known keys', async () => {
  const { world, verdictOn } = setUp();
  expect(await verdictOn(token)).toBe('allowed');
  const asked = Promise.withResolvers<() => void>();
  server.becomes((response) => asked.resolve(() => response.writeHead(503).end()));
  world.now += hour;
  let isWaiting = true;
  const waiting = verdictOn(token).finally(() => {
    isWaiting = false;
  });
  const letGo = await asked.promise;

  expect(await verdictOn(token)).toBe('allowed');
  expect(isWaiting).toBe(true);
  letGo();
  expect(await waiting).toBe('allowed');
  expect(server.requests()).toBe(2);
});
