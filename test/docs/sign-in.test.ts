import { readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { expect, test } from 'vitest';
import { readSettings } from '#infra/settings.ts';
import { remoteKeys } from '#shared/sign-in/issuer-keys.jose.ts';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { makeSigner, startKeyServer } from '#test/shared/sign-in/support/token-issuer.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

const page = readFileSync(new URL('../../docs/sign-in.md', import.meta.url), 'utf8');
const recipes = new Map(
  [...page.matchAll(/^## (.+)\n\n```json\n([^`]+)```/gm)].map(([, name = '', json = '']) => [
    name,
    settingsOf(JSON.parse(json)),
  ]),
);

/** As `npm run deploy` reads them from a settings file. */
function settingsOf(file: Readonly<Record<string, unknown>>) {
  return readSettings(
    Object.fromEntries(Object.entries(file).map(([key, value]) => [`postrider:${key}`, value])),
  );
}

const issuedAt = Date.parse('2026-03-01T00:00:00Z') / 1000;
const times = { iat: issuedAt, exp: issuedAt + 3600 };
const clock = { now: () => issuedAt * 1000, sleep: async () => {} };

type Claims = Readonly<Record<string, unknown>>;
interface Kind {
  /** Where the issuer has its keys, by its own documentation. */
  readonly keysAt: string;
  readonly header?: { readonly typ: string | undefined };
  /** A key as it stands there, and what stands beside it. */
  readonly published?: (jwk: JWK, other: JWK) => JWK[];
  /** What its documentation shows of the token that the page names. */
  readonly claims: Claims;
  /** What is easily taken for it, and why it is refused. */
  readonly others: readonly (readonly [what: string, reason: string, claims: Claims, typ?: string])[];
}

const cognito = {
  sub: 'b3f2a1c0-5d6e-4f70-8a9b-0c1d2e3f4a5b',
  iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E',
  'cognito:groups': ['people'],
  origin_jti: '5b9f50a3-05da-454a-8b99-b79c2349de77',
  event_id: '0ed5ad5c-7182-4ecf-90dd-1be8d9f50b7a',
  auth_time: issuedAt,
  jti: '88933ef0-9a1c-4d0f-b1fa-3f2e1d0c9b8a',
  ...times,
};
const auth0 = { iss: 'https://my-domain.auth0.com/', sub: 'auth0|64f1c2d3e4b5a697887766aa', ...times };
const firebase = {
  iss: 'https://securetoken.google.com/my-project',
  aud: 'my-project',
  auth_time: issuedAt,
  user_id: 'Xk893u23H9SI893abcdefGHIJ012',
  sub: 'Xk893u23H9SI893abcdefGHIJ012',
  email: 'alice@example.com',
  email_verified: true,
  firebase: { identities: { email: ['alice@example.com'] }, sign_in_provider: 'password' },
  ...times,
};
const tenant = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';
const entra = {
  aud: '00001111-aaaa-2222-bbbb-3333cccc4444',
  iss: `https://login.microsoftonline.com/${tenant}/v2.0`,
  nbf: issuedAt,
  azp: '11112222-bbbb-3333-cccc-4444dddd5555',
  azpacr: '0',
  oid: '22223333-cccc-4444-dddd-5555eeee6666',
  rh: '0.AXkAqrurAAAAzMwREd3dIiLu7i',
  scp: 'Chat.Use',
  sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
  tid: tenant,
  uti: 'fqiBqXLPj0eQa82S-IYFAA',
  ver: '2.0',
  ...times,
};
const okta = {
  ver: 1,
  jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
  iss: 'https://my-company.okta.com/oauth2/default',
  aud: 'api://default',
  cid: '0oabv6kx4qq6h1U5l0h7',
  uid: '00ub0oNGTSWTBKOLGLNR',
  scp: ['openid', 'profile'],
  auth_time: issuedAt,
  sub: 'alice@example.com',
  ...times,
};
const clerk = {
  azp: 'https://example.com',
  iss: 'https://clerk.example.com',
  nbf: issuedAt - 10,
  jti: 'a1b2c3d4e5f6a7b8c9d0',
  sub: 'user_2NNEqL2nrIRdJ194ndJqAHwEfxC',
  ...times,
};
const keycloak = {
  jti: 'onrtac:4c1b9c1e-5f0a-4f0e-8b1e-0d9f6a3c2b1a',
  iss: 'https://login.example.com/realms/my-realm',
  aud: ['postrider', 'account'],
  sub: 'f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e',
  typ: 'Bearer',
  azp: 'web',
  sid: '4c0a3a8a-3a47-4f2f-8e89-9e5f9b0a0a0a',
  acr: '1',
  'allowed-origins': ['https://example.com'],
  realm_access: { roles: ['offline_access', 'default-roles-my-realm'] },
  resource_access: { account: { roles: ['manage-account'] } },
  scope: 'openid profile email',
  preferred_username: 'alice',
  ...times,
};
const logout = { 'http://schemas.openid.net/event/backchannel-logout': {} };

const kinds: Readonly<Record<string, Kind>> = {
  'Amazon Cognito': {
    keysAt: `${cognito.iss}/.well-known/jwks.json`,
    header: { typ: undefined },
    published: (jwk, other) => [other, jwk],
    claims: { ...cognito, token_use: 'id', aud: '2example10111213', 'cognito:username': 'alice' },
    others: [
      [
        'the access token',
        'audience',
        {
          ...cognito,
          token_use: 'access',
          client_id: '2example10111213',
          scope: 'openid',
          username: 'alice',
        },
      ],
    ],
  },
  Auth0: {
    keysAt: 'https://my-domain.auth0.com/.well-known/jwks.json',
    claims: {
      ...auth0,
      aud: ['https://chat.example.com/api', 'https://my-domain.auth0.com/userinfo'],
      azp: 'my_client_id',
      scope: 'openid profile',
    },
    others: [['the ID token', 'audience', { ...auth0, aud: 'my_client_id', nickname: 'alice' }]],
  },
  'Firebase Authentication': {
    keysAt: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
    published: (jwk, other) => [other, jwk],
    claims: firebase,
    others: [
      ['a session cookie', 'issuer', { ...firebase, iss: 'https://session.firebase.google.com/my-project' }],
      [
        'another project',
        'issuer',
        { ...firebase, iss: 'https://securetoken.google.com/other', aud: 'other' },
      ],
    ],
  },
  'Microsoft Entra ID': {
    keysAt: `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys`,
    // They stand there without `alg`.
    published: ({ alg: _, ...jwk }, { alg: __, ...other }) => [
      { ...other, issuer: entra.iss },
      { ...jwk, x5t: jwk.kid ?? '', issuer: entra.iss },
    ],
    claims: entra,
    others: [
      [
        'version 1',
        'issuer',
        { ...entra, ver: '1.0', iss: `https://sts.windows.net/${tenant}/`, aud: `api://${entra.aud}` },
      ],
      ['the ID token of the app', 'audience', { ...entra, aud: entra.azp, scp: undefined }],
      [
        'a token of an app by itself',
        'scope',
        { ...entra, scp: undefined, idtyp: 'app', roles: ['Chat.All'] },
      ],
    ],
  },
  Okta: {
    keysAt: 'https://my-company.okta.com/oauth2/default/v1/keys',
    header: { typ: undefined },
    claims: okta,
    others: [
      [
        'a token of the org’s own server',
        'issuer',
        { ...okta, iss: 'https://my-company.okta.com', aud: 'https://my-company.okta.com' },
      ],
      ['a login name with a +', 'subject', { ...okta, sub: 'alice+chat@example.com' }],
    ],
  },
  Clerk: {
    keysAt: 'https://clerk.example.com/.well-known/jwks.json',
    claims: { ...clerk, aud: 'postrider' },
    others: [['the session token', 'audience', { ...clerk, sid: 'sess_2Ro7e2IxrffdqBboq8KfB6eGbIy', v: 2 }]],
  },
  Keycloak: {
    keysAt: `${keycloak.iss}/protocol/openid-connect/certs`,
    published: (jwk, other) => [{ ...other, use: 'enc', alg: 'RSA-OAEP' }, jwk],
    claims: keycloak,
    others: [
      ['a token without the mapper', 'audience', { ...keycloak, aud: 'account' }],
      ['a logout token', 'type', { ...keycloak, events: logout }, 'logout+jwt'],
      ['one that does not say so', 'type', { ...keycloak, typ: 'Logout', events: logout }],
      ['a client without the scope "basic"', 'claims', { ...keycloak, sub: undefined }],
    ],
  },
};

test('the page has a recipe for each', () => {
  expect([...recipes.keys()]).toEqual(Object.keys(kinds));
});

const [signer, other] = [await makeSigner('k1', 'RS256'), await makeSigner('k2', 'RS256')];

test.for(Object.entries(kinds))('%s: the settings of the page let in its tokens', async ([name, kind]) => {
  const { issuer = '', audience = [], jwksUri, tokenScope } = recipes.get(name) ?? expect.fail(name);
  expect(jwksUri ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`).toBe(kind.keysAt);
  const { published = (jwk: JWK) => [jwk], claims, header, others } = kind;
  const server = await startKeyServer(published(signer.jwk, other.jwk));
  const verify = makeTokenVerifier({
    issuer,
    audience: [...audience],
    requiredScope: tokenScope,
    keys: remoteKeys(server.uri, { clock, keepMs: 3_600_000, telemetry: silentTelemetry }),
    clock,
  });

  expect(await verify(await signer.sign(claims, header))).toStrictEqual({
    verdict: 'allowed',
    userId: claims.sub,
    expiresAt: times.exp,
  });
  for (const [what, reason, changed, typ = header?.typ] of others)
    expect(await verify(await signer.sign(changed, { typ })), what).toMatchObject({ reason });
  await server.stop();
});
