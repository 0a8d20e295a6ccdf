import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import type { MasterKey } from './master-key.ts';

export type EncryptionContext = Readonly<Record<string, string>>;

// version (1) | key id (16) | nonce (12) | tag (16) | sealed
const version = 1;
const nonceAt = 17;
const tagAt = nonceAt + 12;
const sealedAt = tagAt + 16;

/** AES-256-GCM under `key`. The result names its key, and opens only with the same encryption context. */
export function sealUnder(key: MasterKey, plaintext: Uint8Array, context: EncryptionContext): Buffer {
  const header = Buffer.concat([Buffer.of(version), Buffer.from(key.keyId.replaceAll('-', ''), 'hex')]);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.material, nonce);
  cipher.setAAD(additionalData(header, context));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]);
}

/** The id of the key that `ciphertext` says it was sealed under. Throws InvalidCiphertextException if it is none of ours. */
export function keyIdOf(ciphertext: Uint8Array): string {
  const bytes = Buffer.from(ciphertext);
  if (bytes.length < sealedAt || bytes[0] !== version) throw invalidCiphertext();
  return bytes
    .subarray(1, nonceAt)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Throws InvalidCiphertextException for a changed ciphertext or another encryption context. */
export function openUnder(key: MasterKey, ciphertext: Uint8Array, context: EncryptionContext): Buffer {
  const bytes = Buffer.from(ciphertext);
  const decipher = createDecipheriv('aes-256-gcm', key.material, bytes.subarray(nonceAt, tagAt));
  decipher.setAAD(additionalData(bytes.subarray(0, nonceAt), context));
  decipher.setAuthTag(bytes.subarray(tagAt, sealedAt));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(sealedAt)), decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

// The order in which a caller names its pairs must not matter; JSON keeps one pair from reading as another.
function additionalData(header: Uint8Array, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([header, Buffer.from(JSON.stringify(pairs), 'utf8')]);
}

function invalidCiphertext(): ServiceError {
  return new ServiceError('InvalidCiphertextException', '');
}
