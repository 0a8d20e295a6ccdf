import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { damaged, readPrivateFile, writePrivateFile } from '#localstack/emulators/private-file.ts';

export const algorithm = 'ES256';

export interface SigningKey {
  /** The name that tokens carry as `iss`. */
  readonly issuer: string;
  readonly keyId: string;
  readonly privateKey: Awaited<ReturnType<typeof importJWK>>;
  readonly publicJwk: JWK;
}

interface Kept {
  readonly issuer: string;
  readonly jwk: JWK;
}

/**
 * The issuer's key: from `file` if there is one, otherwise new, and then kept there. The issuer's name is kept beside it
 * and wins over the given one, so that tokens stay good when the port, and with it the issuer's address, has changed.
 */
export async function openSigningKey(issuer: string, file?: string): Promise<SigningKey> {
  const kept = file === undefined ? undefined : readKept(file);
  const { issuer: name, jwk } = kept ?? { issuer, jwk: await generateJwk() };
  if (file !== undefined && kept === undefined) writePrivateFile(file, { issuer: name, jwk });
  const { d: _, ...publicJwk } = jwk;
  return { issuer: name, keyId: jwk.kid ?? '', privateKey: await importJWK(jwk, algorithm), publicJwk };
}

async function generateJwk(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: algorithm, use: 'sig' };
}

function readKept(file: string): Kept | undefined {
  const content = readPrivateFile(file) as Partial<Kept> | null | undefined;
  if (content === undefined) return undefined;
  const { issuer, jwk } = content ?? {};
  if (typeof issuer !== 'string' || typeof jwk?.d !== 'string' || typeof jwk.kid !== 'string')
    throw new Error(damaged(file));
  return { issuer, jwk };
}
