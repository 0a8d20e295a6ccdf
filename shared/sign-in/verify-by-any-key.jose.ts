import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import type { IssuerKeys } from './issuer-keys.jose.ts';

/**
 * Verifies a token with whichever key of the issuer fits, also where several do: they have no `kid`, or one `kid` stands twice.
 * Looks for newer keys where none of the known ones has signed it. Throws jose's errors, and others where keys cannot be had.
 */
export async function verifyByAnyKey(
  token: string,
  keys: IssuerKeys,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await verifyByKnownKeys(token, keys, options);
  } catch (error) {
    const hasWrongSignature = error instanceof errors.JWSSignatureVerificationFailed;
    if (!hasWrongSignature && !(error instanceof errors.JWKSNoMatchingKey)) throw error;
    const hasLooked = await keys.lookAgain().catch((failure: unknown) => {
      // The key that it names is known and says no. Of one that is not known nobody can say.
      throw hasWrongSignature ? error : failure;
    });
    if (!hasLooked) throw error;
    return await verifyByKnownKeys(token, keys, options);
  }
}

async function verifyByKnownKeys(
  token: string,
  keys: IssuerKeys,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  const findLoaded: JWTVerifyGetKey = async (header, jws) => {
    refuseOtherKinds(header.typ);
    await keys.load();
    return await findByEitherName(keys.find)(header, jws);
  };
  try {
    return await jwtVerify(token, findLoaded, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return await verifyByEach(token, error, options);
  }
}

async function verifyByEach(
  token: string,
  fitting: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  for await (const key of fitting) {
    try {
      return await jwtVerify(token, key, options);
    } catch (error) {
      // Another one has signed it. A TypeError says that the key is too weak to be used.
      const isOtherKey = error instanceof errors.JWSSignatureVerificationFailed || error instanceof TypeError;
      if (!isOtherKey) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** RFC 9864 calls `Ed25519` what was `EdDSA`: a token may say the one, and its key the other. */
const otherNames: Readonly<Record<string, string>> = { EdDSA: 'Ed25519', Ed25519: 'EdDSA' };

function findByEitherName(find: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, jws) => {
    try {
      return await find(header, jws);
    } catch (error) {
      const alg = otherNames[header.alg];
      if (alg === undefined || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
      return await find({ ...header, alg }, jws);
    }
  };
}

/** What an issuer signs for another purpose says so by such a type (RFC 8725), for instance `logout+jwt`. */
function refuseOtherKinds(type: string | undefined): void {
  const kind = String(type ?? '')
    .toLowerCase()
    .replace(/^application\//, '');
  if (kind.endsWith('+jwt') && kind !== 'at+jwt')
    throw new errors.JWTClaimValidationFailed('a token for another purpose', {}, 'typ', 'check_failed');
}
