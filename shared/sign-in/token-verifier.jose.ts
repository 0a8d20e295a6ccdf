import { errors, type JWTPayload } from 'jose';
import { isUserId } from '#shared/protocol/user-id.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { IssuerKeys } from './issuer-keys.jose.ts';
import type { RefusalReason, VerifyToken } from './verification.ts';
import { verifyByAnyKey } from './verify-by-any-key.jose.ts';

interface Options {
  readonly issuer: string;
  /** What a token is for: it has to be for one of them. */
  readonly audience: string | string[];
  readonly keys: IssuerKeys;
  /** A scope without which a token is not allowed. */
  readonly requiredScope?: string | undefined;
  readonly clock: Clock;
}

/** Signature algorithms with a public key: a symmetric one would let anybody with the "key" sign. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Checks a JWT against the issuer's keys. Throws only where those cannot be had. */
export function makeTokenVerifier({ issuer, audience, keys, requiredScope, clock }: Options): VerifyToken {
  return async (token) => {
    const now = clock.now();
    try {
      const { payload } = await verifyByAnyKey(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(now),
      });
      const fault = faultOf(payload, now / 1_000);
      if (fault !== undefined) return { verdict: 'unauthorized', reason: fault };
      if (!isUserId(payload.sub) || payload.exp === undefined)
        return { verdict: 'forbidden', reason: 'subject' };
      if (requiredScope !== undefined && !scopesOf(payload).includes(requiredScope))
        return { verdict: 'forbidden', reason: 'scope' };
      return { verdict: 'allowed', userId: payload.sub, expiresAt: payload.exp };
    } catch (error) {
      if (isTokenFault(error)) return { verdict: 'unauthorized', reason: reasonOf(error) };
      throw error;
    }
  };
}

/** The last second of the year 9999. Milliseconds in the place of seconds are beyond it. */
const latestExpiry = Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000;
/** Seconds by which the clock of an issuer may be ahead. */
const clockLeeway = 60;

/** What is wrong with claims that are well formed. */
function faultOf({ exp = 0, iat = 0, events }: JWTPayload, nowSeconds: number): RefusalReason | undefined {
  if (exp > latestExpiry) return 'expiry';
  if (iat > nowSeconds + clockLeeway) return 'issued in the future';
  // A security event (RFC 8417), for instance a logout, by an issuer that does not say so in `typ`.
  return events === undefined ? undefined : 'type';
}

/** Issuers call the claim `scope` (RFC 9068) or `scp` (Okta, Entra), and write a list, or names with spaces between them. */
function scopesOf({ scope, scp }: JWTPayload): unknown[] {
  return [scope, scp].flatMap((names) => (typeof names === 'string' ? names.split(' ') : names));
}

function isTokenFault(error: unknown): error is errors.JOSEError {
  const keysCannotBeHad = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  if (keysCannotBeHad || !(error instanceof errors.JOSEError)) return false;
  // jose's own word for an answer of the issuer other than 200, and for one that is not JSON.
  return error.code !== 'ERR_JOSE_GENERIC';
}

const reasons: Readonly<Record<string, RefusalReason>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'unknown key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
  ERR_JWT_EXPIRED: 'expired',
};
const reasonsByClaim: Readonly<Record<string, RefusalReason>> = {
  typ: 'type',
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not yet valid',
};

function reasonOf(error: errors.JOSEError): RefusalReason {
  if (error instanceof errors.JWTClaimValidationFailed) return reasonsByClaim[error.claim] ?? 'claims';
  return reasons[error.code] ?? 'malformed';
}
