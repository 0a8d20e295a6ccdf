import { randomBytes } from 'node:crypto';
import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import { type EncryptionContext, keyIdOf, openUnder, sealUnder } from './ciphertext.ts';
import type { MasterKey } from './master-key.ts';

type Input = Readonly<Record<string, unknown>>;

const arnPrefix = 'arn:aws:kms:us-east-1:000000000000:key/';

export function generateDataKey(key: MasterKey, input: Input): object {
  assertNamed(key, input);
  if (input.KeySpec !== 'AES_256') throw new ServiceError('ValidationException', 'KeySpec is AES_256 here.');
  const plaintext = randomBytes(32);
  return {
    KeyId: arnPrefix + key.keyId,
    Plaintext: plaintext.toString('base64'),
    CiphertextBlob: sealUnder(key, plaintext, readContext(input)).toString('base64'),
  };
}

export function decrypt(key: MasterKey, input: Input): object {
  assertNamed(key, input);
  const ciphertext = readCiphertext(input);
  if (keyIdOf(ciphertext) !== key.keyId)
    throw new ServiceError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  return {
    KeyId: arnPrefix + key.keyId,
    Plaintext: openUnder(key, ciphertext, readContext(input)).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  };
}

/** By its id or its ARN; aliases are not kept here. */
function assertNamed(key: MasterKey, { KeyId }: Input): void {
  if (KeyId !== key.keyId && KeyId !== arnPrefix + key.keyId)
    throw new ServiceError('NotFoundException', `Key '${String(KeyId)}' does not exist`);
}

function readCiphertext({ CiphertextBlob }: Input): Buffer {
  const bytes = Buffer.from(typeof CiphertextBlob === 'string' ? CiphertextBlob : '', 'base64');
  if (bytes.length < 1 || bytes.length > 6144)
    throw new ServiceError('ValidationException', 'CiphertextBlob must have 1 to 6144 bytes.');
  return bytes;
}

function readContext({ EncryptionContext: given = {} }: Input): EncryptionContext {
  const context: Record<string, string> = {};
  for (const [name, value] of Object.entries(Object(given))) {
    if (typeof value !== 'string')
      throw new ServiceError('SerializationException', 'EncryptionContext must map strings to strings.');
    context[name] = value;
  }
  return context;
}
