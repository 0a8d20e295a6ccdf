import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import type { EncryptionContext } from '#localstack/emulators/kms/ciphertext.ts';
import type { KeyStore, MasterKey } from '#localstack/emulators/kms/key-store.ts';

export type Input = Readonly<Record<string, unknown>>;

const arnPrefix = 'arn:aws:kms:us-east-1:000000000000:key/';

export function arnOf(keyId: string): string {
  return `${arnPrefix}${keyId}`;
}

/** The key that `KeyId` (an id or an ARN; aliases are not kept here) names. Throws NotFoundException. */
export function findKey(store: KeyStore, input: Input): MasterKey {
  const name = input.KeyId;
  if (typeof name !== 'string' || name === '') throw missing('keyId');
  const keyId = name.startsWith(arnPrefix) ? name.slice(arnPrefix.length) : name;
  const key = store.find(keyId);
  if (key === undefined) throw new ServiceError('NotFoundException', `Key '${name}' does not exist`);
  return key;
}

/** The same, and it must be in use. Throws DisabledException otherwise. */
export function findEnabledKey(store: KeyStore, input: Input): MasterKey {
  return assertEnabled(findKey(store, input));
}

export function assertEnabled(key: MasterKey): MasterKey {
  if (!key.enabled) throw new ServiceError('DisabledException', `${arnOf(key.keyId)} is disabled.`);
  return key;
}

/** A member that travels as base64, `from`…`to` bytes long. */
export function readBytes(input: Input, member: string, from: number, to: number): Buffer {
  const text = input[member];
  if (text === undefined || text === null) throw missing(member);
  if (typeof text !== 'string') throw new ServiceError('SerializationException', `${member} is not a blob.`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < from || bytes.length > to)
    throw new ServiceError('ValidationException', `${member} must have ${from} to ${to} bytes.`);
  return bytes;
}

export function readContext(input: Input): EncryptionContext {
  const context = input.EncryptionContext ?? {};
  if (typeof context !== 'object') throw notAContext();
  for (const value of Object.values(context)) if (typeof value !== 'string') throw notAContext();
  return { ...context } as EncryptionContext;
}

export function assertSymmetric(input: Input): void {
  const algorithm = input.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT';
  if (algorithm !== 'SYMMETRIC_DEFAULT')
    throw new ServiceError('InvalidKeyUsageException', `These keys cannot do ${String(algorithm)}.`);
}

function missing(member: string): ServiceError {
  return new ServiceError(
    'ValidationException',
    `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  );
}

function notAContext(): ServiceError {
  return new ServiceError('SerializationException', 'EncryptionContext must map strings to strings.');
}
