import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { isUserId } from '#shared/protocol/user-id.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { RefusalReason, VerifyToken } from './verification.ts';

interface Options {
  readonly issuer: string;
  readonly audience: string;
  /** The issuer's keys. Throws where they cannot be had. */
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
  /** A scope without which a token is not allowed. */
  readonly requiredScope?: string | undefined;
  readonly clock: Clock;
}

/** Signature algorithms with a public key: a symmetric one would let anybody with the "key" sign. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** Checks a JWT against the issuer's keys. Throws only where those cannot be had. */
export function makeTokenVerifier({ issuer, audience, keys, requiredScope, clock }: Options): VerifyToken {
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(clock.now()),
      });
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
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'unknown key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
  ERR_JWT_EXPIRED: 'expired',
};
const reasonsByClaim: Readonly<Record<string, RefusalReason>> = {
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not yet valid',
};

function reasonOf(error: errors.JOSEError): RefusalReason {
  if (error instanceof errors.JWTClaimValidationFailed) return reasonsByClaim[error.claim] ?? 'claims';
  return reasons[error.code] ?? 'malformed';
}

/**
 * The keys at `uri`. They are fetched again when they are older than 10 minutes, so that a withdrawn one counts no longer,
 * and, at most every 30 s, when a token names an unknown one.
 */
export function remoteKeys(uri: string) {
  return createRemoteJWKSet(new URL(uri), {
    timeoutDuration: 3_000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  });
}
