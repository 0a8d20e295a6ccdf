import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { exportSPKI } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type IssuerKeys, remoteKeys } from '#shared/sign-in/issuer-keys.jose.ts';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { makeSigner, startKeyServer } from './support/token-issuer.ts';

const now = Date.parse('2026-03-01T00:00:00Z');
const nowSeconds = now / 1000;
const [issuer, audience] = ['https://issuer.example', 'postrider'];

const signer = await makeSigner('k1');
const rsaSigner = await makeSigner('k2', 'RS256');
const stranger = await makeSigner('k1');

let keyServer: Awaited<ReturnType<typeof startKeyServer>>;
beforeEach(async () => {
  keyServer = await startKeyServer([signer.jwk, rsaSigner.jwk]);
});
afterEach(() => keyServer.stop());

interface Setting {
  readonly at?: number;
  readonly audience?: string[];
  readonly requiredScope?: string;
  readonly keys?: IssuerKeys;
}

const clockAt = (at: number) => ({ now: () => at, sleep: async () => {} });
const servedKeys = (at = now) =>
  remoteKeys(keyServer.uri, { clock: clockAt(at), keepMs: 3_600_000, telemetry: silentTelemetry });

/** A verifier as the authorizer has it, over the issuer's served keys. */
const makeVerify = ({ at = now, keys = servedKeys(at), ...setting }: Setting = {}) =>
  makeTokenVerifier({ issuer, audience: [audience], keys, clock: clockAt(at), ...setting });

type Claims = Readonly<Record<string, unknown>>;

const claims = (changes: Claims = {}): Claims => ({
  iss: issuer,
  aud: audience,
  sub: 'alice',
  exp: nowSeconds + 60,
  ...changes,
});

const refused = (verdict: string, reason: unknown = expect.any(String)) => ({ verdict, reason });
const unauthorized = refused('unauthorized');
const forbidden = refused('forbidden');
const allowed = { verdict: 'allowed', userId: 'alice', expiresAt: nowSeconds + 60 };

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a right token tells its user and its expiry', async () => {
  expect(await makeVerify()(await signer.sign(claims()))).toStrictEqual(allowed);
});

test.for([
  ['RSA', () => rsaSigner.sign(claims())],
  ['one audience of several', () => signer.sign(claims({ aud: ['other', audience] }))],
  ['of type at+jwt', () => signer.sign(claims(), { typ: 'at+jwt' })],
  ['of type application/AT+JWT', () => signer.sign(claims(), { typ: 'application/AT+JWT' })],
  ['of no type', () => signer.sign(claims(), { typ: undefined })],
  ['issued now', () => signer.sign(claims({ iat: nowSeconds }))],
  ['issued by a clock that is ahead', () => signer.sign(claims({ iat: nowSeconds + 60 }))],
  ['in force since now', () => signer.sign(claims({ nbf: nowSeconds }))],
] as const)('so does one that is %s', async ([, make]) => {
  expect(await makeVerify()(await make())).toStrictEqual(allowed);
});

test.for<[string, Claims]>([
  ['another issuer', { iss: 'https://other.example' }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'other' }],
  ['audiences without ours', { aud: ['other', 'another'] }],
  ['no audience', { aud: undefined }],
  ['no subject', { sub: undefined }],
  ['no expiry', { exp: undefined }],
  ['an expiry in words', { exp: 'never' }],
  ['a start in the future', { nbf: nowSeconds + 1 }],
  ['an issue in words', { iat: 'now' }],
])('%s: unauthorized', async ([, changes]) => {
  expect(await makeVerify()(await signer.sign(claims(changes)))).toStrictEqual(unauthorized);
});

test.for<[string, () => string | Promise<string>]>([
  ['malformed', () => 'a.b.c'],
  ['algorithm', () => signWithSecret('secret', { alg: 'HS256', kid: 'k1' })],
  ['unknown key', () => signer.sign(claims(), { kid: 'nobody knows it' })],
  ['signature', () => stranger.sign(claims())],
  ['issuer', () => signer.sign(claims({ iss: 'https://other.example' }))],
  ['audience', () => signer.sign(claims({ aud: undefined }))],
  ['not yet valid', () => signer.sign(claims({ nbf: nowSeconds + 1 }))],
  ['expired', () => signer.sign(claims({ exp: nowSeconds }))],
  ['claims', () => signer.sign(claims({ sub: undefined }))],
  ['type', () => signer.sign(claims(), { typ: 'logout+jwt' })],
  ['type', () => signer.sign(claims(), { typ: 'application/Secevent+JWT' })],
  ['type', () => signer.sign(claims({ events: { [logoutEvent]: {} } }))],
  ['issued in the future', () => signer.sign(claims({ iat: nowSeconds + 61 }))],
  ['issued in the future', () => signer.sign(claims({ iat: 1e100 }))],
  ['expiry', () => signer.sign(claims({ exp: 1e100 }))],
  ['expiry', () => signer.sign(claims({ exp: Date.UTC(10_000, 0) / 1000 }))],
  ['expiry', () => signer.sign(claims({ exp: now + 60_000 }))],
])('the reason of a refusal is told in one of our own words: %s', async ([reason, make]) => {
  expect(await makeVerify()(await make())).toStrictEqual(refused('unauthorized', reason));
});

test('so is that of a right token of somebody who may not come in', async () => {
  const verify = makeVerify({ requiredScope: 'messages' });

  for (const sub of ['a b', 'system'])
    expect(await verify(await signer.sign(claims({ sub })))).toStrictEqual(refused('forbidden', 'subject'));
  expect(await verify(await signer.sign(claims()))).toStrictEqual(refused('forbidden', 'scope'));
});

test('the year 9999 is no fault: only what is after it', async () => {
  const exp = Date.UTC(10_000, 0) / 1000 - 1;

  expect(await makeVerify()(await signer.sign(claims({ exp })))).toStrictEqual({
    ...allowed,
    expiresAt: exp,
  });
});

test.for<[string, unknown, object]>([
  ['one of them', 'web', allowed],
  ['the other', 'android', allowed],
  ['one of them among others', ['other', 'android'], allowed],
  ['none of them', 'ios', refused('unauthorized', 'audience')],
  ['both in one text', 'web,android', refused('unauthorized', 'audience')],
  ['an empty list', [], refused('unauthorized', 'audience')],
])('where two audiences are right, a token for %s', async ([, aud, verdict]) => {
  const verify = makeVerify({ audience: ['web', 'android'] });

  expect(await verify(await signer.sign(claims({ aud })))).toStrictEqual(verdict);
});

test('it expires on the second, without leeway', async () => {
  const token = await signer.sign(claims());

  expect(await makeVerify({ at: now + 59_999 })(token)).toStrictEqual(allowed);
  expect(await makeVerify({ at: now + 60_000 })(token)).toStrictEqual(unauthorized);
});

test('what another key has signed is unauthorized, even under the name of a known one', async () => {
  const verify = makeVerify();

  expect(await verify(await stranger.sign(claims()))).toStrictEqual(unauthorized);
  expect(await verify(await stranger.sign(claims(), { kid: 'k2' }))).toStrictEqual(unauthorized);
});

test('keys that a token brings with it, or says where to find, are neither believed nor fetched', async () => {
  const elsewhere = await startKeyServer([stranger.jwk]);
  const verify = makeVerify();
  for (const header of [
    { jwk: stranger.jwk },
    { jku: elsewhere.uri },
    { x5u: elsewhere.uri },
    { x5c: ['MIIB'] },
  ])
    for (const kid of ['k1', 'nobody knows it', undefined])
      expect(await verify(await stranger.sign(claims(), { ...header, kid }))).toStrictEqual(unauthorized);

  expect(elsewhere.requests()).toBe(0);
  await elsewhere.stop();
});

test('a key that the issuer does not have: unauthorized, after one look for new ones at most', async () => {
  const verify = makeVerify();
  const token = await stranger.sign(claims(), { kid: 'nobody knows it' });

  for (let attempt = 0; attempt < 3; attempt += 1) expect(await verify(token)).toStrictEqual(unauthorized);

  expect(keyServer.requests()).toBe(1);
});

test('any change to a token makes it unauthorized', async () => {
  const verify = makeVerify();
  const [header = '', , signature = ''] = (await signer.sign(claims())).split('.');

  expect(await verify(`${header}.${base64(claims({ sub: 'bob' }))}.${signature}`)).toStrictEqual(
    unauthorized,
  );
  expect(await verify(`${header}.${base64(claims())}.`)).toStrictEqual(unauthorized);
});

test('an unsigned token is unauthorized', async () => {
  for (const alg of ['none', 'None', 'NONE', ''])
    expect(await makeVerify()(`${base64({ alg, kid: 'k1' })}.${base64(claims())}.`)).toStrictEqual(
      unauthorized,
    );
});

/** A token signed with a "secret" that everybody has. */
function signWithSecret(secret: string | Uint8Array, header: object): string {
  const signed = `${base64(header)}.${base64(claims())}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

test('the public key is no secret to sign with', async () => {
  const pem = await exportSPKI(rsaSigner.publicKey);
  const verify = makeVerify();

  for (const secret of [
    pem,
    pem.trim(),
    Buffer.from(rsaSigner.jwk.n ?? '', 'base64url'),
    JSON.stringify(rsaSigner.jwk),
  ])
    for (const kid of ['k1', 'k2', undefined])
      expect(await verify(signWithSecret(secret, { alg: 'HS256', kid }))).toStrictEqual(unauthorized);
});

test('a symmetric signature is unauthorized whatever the keys are', async () => {
  const secret = new Uint8Array(32).fill(7);
  const keys = { ...servedKeys(), find: async () => secret };

  expect(await makeVerify({ keys })(signWithSecret(secret, { alg: 'HS256' }))).toStrictEqual(unauthorized);
});

test('anything else that is sent for a token is unauthorized, and never an error', async () => {
  const verify = makeVerify();
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  const header = fc
    .dictionary(
      fc.constantFrom('alg', 'kid', 'crit', 'b64', 'enc', 'jwk'),
      fc.oneof(fc.jsonValue(), fc.constant('ES256')),
    )
    .map(base64);
  const tokens = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.tuple(header, part, part).map((parts) => parts.join('.')),
  );

  await fc.assert(
    fc.asyncProperty(tokens, async (token) => {
      expect(await verify(token)).toStrictEqual(unauthorized);
    }),
    { numRuns: 500 },
  );
});

test.for(['a b', 'x'.repeat(129), '', 'grüße', 'alice\n', 'system'])(
  'a right token of "%s", which cannot be a user: forbidden',
  async (sub) => {
    expect(await makeVerify()(await signer.sign(claims({ sub })))).toStrictEqual(forbidden);
  },
);

test.for<[string, Claims, object]>([
  ['no scope', {}, forbidden],
  ['another scope', { scope: 'other' }, forbidden],
  ['a longer one', { scope: 'messages.admin' }, forbidden],
  ['a scope that is no text', { scope: { messages: true } }, forbidden],
  ['a list of what is no text', { scp: [['messages'], { messages: true }, 1, null] }, forbidden],
  ['a list without it', { scp: ['openid', 'messages.admin'] }, forbidden],
  ['a list with a name that has a space', { scp: ['openid messages'] }, forbidden],
  ['a null', { scope: null, scp: null }, forbidden],
  ['the scope', { scope: 'messages' }, allowed],
  ['one of several', { scope: 'openid messages email' }, allowed],
  ['one of a list', { scope: ['openid', 'messages'] }, allowed],
  ['one of a list in scp, as of Okta', { scp: ['openid', 'messages'] }, allowed],
  ['one of several in scp, as of Entra', { scp: 'User.Read messages' }, allowed],
  ['one in scp beside other ones in scope', { scope: 'openid', scp: 'messages' }, allowed],
])('where a scope is required, %s: %o', async ([, changes, verdict]) => {
  const verify = makeVerify({ requiredScope: 'messages' });

  expect(await verify(await signer.sign(claims(changes)))).toStrictEqual(verdict);
});

test('a wrong token is unauthorized, not forbidden, whatever else it lacks', async () => {
  const verify = makeVerify({ requiredScope: 'messages' });

  expect(await verify(await stranger.sign(claims({ sub: 'a b' })))).toStrictEqual(unauthorized);
  expect(await verify(await signer.sign(claims({ sub: 'a b', exp: nowSeconds })))).toStrictEqual(
    unauthorized,
  );
});

test.for<[string, (response: ServerResponse) => void]>([
  ['an error', (response) => response.writeHead(500).end()],
  ['nothing there', (response) => response.writeHead(404).end('{}')],
  ['somewhere else', (response) => response.writeHead(302, { location: '/login' }).end()],
  ['a page', (response) => response.end('<html></html>')],
  ['no set of keys', (response) => response.end('{"keys":{}}')],
  ['nothing at all', () => {}],
  ['a connection cut', (response) => response.destroy()],
])('keys that cannot be had are an error, not a refusal: %s', async ([, answer]) => {
  keyServer.becomes(answer);

  await expect(makeVerify()(await signer.sign(claims()))).rejects.toThrow();
});

test('so are keys of an issuer that is not there', async () => {
  await keyServer.stop();

  await expect(makeVerify()(await signer.sign(claims()))).rejects.toThrow();
});
