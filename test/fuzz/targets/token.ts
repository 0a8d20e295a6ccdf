import { createHmac } from 'node:crypto';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { makeTokenVerifier } from '#shared/sign-in/token-verifier.jose.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const [issuer, audience] = ['https://issuer.example', 'postrider'];
const exp = Date.UTC(2100, 0) / 1000;
const { publicKey, privateKey } = await generateKeyPair('RS256');
const jwk = await exportJWK(publicKey);
const claims = { iss: issuer, aud: audience, sub: 'alice', exp };
const [header = '', payload = '', signature = ''] = (
  await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(privateKey)
).split('.');

const verifierOf = (requiredScope?: string) =>
  makeTokenVerifier({
    issuer,
    audience,
    keys: {
      find: createLocalJWKSet({ keys: [{ ...jwk, kid: 'k' }] }),
      load: async () => {},
      lookAgain: async () => false,
    },
    requiredScope,
    clock: { now: () => Date.UTC(2026, 0), sleep: async () => {} },
  });
const verify = verifierOf();
const verifyScope = verifierOf('messages');

/**
 * A bearer token. Keys are new in each run, so inputs name what they cannot hold. `H`, `P` and `S` are the parts of a
 * right token, `~…` is a part that is encoded, and a last `M` is signed with the public key as if that were a secret.
 */
export const target: FuzzTarget = {
  files: [
    'shared/sign-in/token-verifier.jose.ts',
    'shared/sign-in/verify-by-any-key.jose.ts',
    'shared/protocol/user-id.ts',
  ],
  seeds: [
    'H.P.S',
    `~{"alg":"none"}.~${JSON.stringify(claims)}.`,
    `~{"alg":"HS256","kid":"k"}.~${JSON.stringify(claims)}.M`,
    `~{"alg":"RS256","kid":"k","crit":["exp"],"jwk":{}}.P.S`,
    `H.~${JSON.stringify({ ...claims, sub: 'bob' })}.S`,
    '~{"alg":"RS256","b64":false,"crit":["b64"]}.P.S',
  ],
  words: [
    'H',
    'P',
    'S',
    'M',
    '.',
    '~',
    '"alg":',
    '"none"',
    '"HS256"',
    '"kid":',
    '"crit":',
    '"sub":',
    '"exp":',
  ],
  async run(input) {
    const token = tokenOf(textOf(input));
    hold((await verifyScope(token)).verdict !== 'allowed', 'a scope that nobody gave');
    const verification = await verify(token);
    if (verification.verdict !== 'allowed') return;
    const [ourHeader, ourPayload, ourSignature = ''] = token.split('.');
    hold(ourHeader === header && ourPayload === payload, 'a token that nobody signed');
    const isSigned = Buffer.from(ourSignature, 'base64url').equals(Buffer.from(signature, 'base64url'));
    hold(isSigned, 'another signature');
    hold(verification.userId === 'alice' && verification.expiresAt === exp, 'somebody else');
  },
};

function tokenOf(text: string): string {
  const parts: string[] = [];
  for (const part of text.split('.')) {
    if (part === 'H') parts.push(header);
    else if (part === 'P') parts.push(payload);
    else if (part === 'S') parts.push(signature);
    else if (part === 'M')
      parts.push(
        createHmac('sha256', jwk.n ?? '')
          .update(parts.join('.'))
          .digest('base64url'),
      );
    else if (part.startsWith('~')) parts.push(Buffer.from(part.slice(1)).toString('base64url'));
    else parts.push(part);
  }
  return parts.join('.');
}
