import type { JWK } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { remoteKeys } from '#shared/sign-in/issuer-keys.jose.ts';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { makeSigner, startKeyServer } from './support/token-issuer.ts';

const now = Date.parse('2026-03-01T00:00:00Z');
const clock = { now: () => now, sleep: async () => {} };
const claims = { iss: 'https://issuer.example', aud: 'postrider', sub: 'alice', exp: now / 1000 + 60 };
const allowed = { verdict: 'allowed', userId: 'alice', expiresAt: claims.exp };
const unauthorized = (reason: string) => ({ verdict: 'unauthorized', reason });

const [rsa, rsaToo, ec, ed, stranger] = await Promise.all([
  makeSigner('one', 'RS256'),
  makeSigner('two', 'RS256'),
  makeSigner('three', 'ES256'),
  makeSigner('four', 'EdDSA'),
  makeSigner('one', 'RS256'),
]);
const nameless = ({ kid: _, ...jwk }: JWK): JWK => jwk;
const named = (jwk: JWK, kid: string): JWK => ({ ...jwk, kid });

const servers: Awaited<ReturnType<typeof startKeyServer>>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** What the authorizer says to a token, where the issuer publishes `keys`. */
async function verdictOn(token: string | Promise<string>, keys: readonly JWK[]) {
  const server = await startKeyServer(keys);
  servers.push(server);
  const verify = makeTokenVerifier({
    issuer: claims.iss,
    audience: [claims.aud],
    keys: remoteKeys(server.uri, { clock, keepMs: 3_600_000, telemetry: silentTelemetry }),
    clock,
  });
  return await verify(await token);
}

const unnamed = { kid: undefined };
/** Small enough for every library to refuse it. */
const weakKey: JWK = {
  kty: 'RSA',
  e: 'AQAB',
  n: Buffer.from(new Uint8Array(64).fill(0xc5)).toString('base64url'),
  use: 'sig',
  alg: 'RS256',
};

test.for<[string, () => Promise<string>, JWK[]]>([
  ['one key without a name', () => rsa.sign(claims, unnamed), [nameless(rsa.jwk)]],
  ['two without names', () => rsa.sign(claims, unnamed), [rsaToo.jwk, rsa.jwk].map(nameless)],
  ['two of two types without names', () => ec.sign(claims, unnamed), [rsa.jwk, ec.jwk].map(nameless)],
  ['names that the token does not tell', () => rsa.sign(claims, unnamed), [rsaToo.jwk, rsa.jwk]],
  ['one name twice, the stale one first', () => rsa.sign(claims), [named(rsaToo.jwk, 'one'), rsa.jwk]],
  ['one name twice, the stale one last', () => rsa.sign(claims), [rsa.jwk, named(rsaToo.jwk, 'one')]],
  ['one name for two types', () => rsa.sign(claims), [named(ec.jwk, 'one'), rsa.jwk]],
  [
    'one name for signing and for encryption',
    () => rsa.sign(claims),
    [{ ...rsaToo.jwk, kid: 'one', use: 'enc', alg: 'RSA-OAEP' }, rsa.jwk],
  ],
  [
    'a key of a type of tomorrow beside it',
    () => rsa.sign(claims),
    [{ kty: 'AKP', alg: 'ML-DSA-44', kid: 'one', pub: 'AAAA' } as JWK, rsa.jwk],
  ],
  ['a key beside it that is too weak', () => rsa.sign(claims), [named(weakKey, 'one'), rsa.jwk]],
  ['EdDSA', () => ed.sign(claims), [ed.jwk]],
  ['Ed25519', () => ed.sign(claims, { alg: 'Ed25519' }), [{ ...ed.jwk, alg: 'Ed25519' }]],
  ['a key for EdDSA and a token of Ed25519', () => ed.sign(claims, { alg: 'Ed25519' }), [ed.jwk]],
  ['a key for Ed25519 and a token of EdDSA', () => ed.sign(claims), [{ ...ed.jwk, alg: 'Ed25519' }]],
])('a right token is right with %s', async ([, token, keys]) => {
  expect(await verdictOn(token(), keys)).toStrictEqual(allowed);
});

test('where none of several keys has signed it, it is the signature', async () => {
  const keys = [rsa.jwk, rsaToo.jwk];

  expect(await verdictOn(stranger.sign(claims, unnamed), keys)).toStrictEqual(unauthorized('signature'));
  expect(
    await verdictOn(
      stranger.sign(claims),
      keys.map((jwk) => named(jwk, 'one')),
    ),
  ).toStrictEqual(unauthorized('signature'));
});

test('what else is wrong with a token is told by the key that has signed it', async () => {
  const keys = [rsaToo.jwk, rsa.jwk];
  const expired = { ...claims, exp: now / 1000 };

  expect(await verdictOn(rsa.sign(expired, unnamed), keys)).toStrictEqual(unauthorized('expired'));
  expect(await verdictOn(rsa.sign({ ...claims, aud: 'other' }, unnamed), keys)).toStrictEqual(
    unauthorized('audience'),
  );
});
