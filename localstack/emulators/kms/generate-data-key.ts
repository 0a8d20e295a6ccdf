import { randomBytes } from 'node:crypto';
import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import { sealUnder } from '#localstack/emulators/kms/ciphertext.ts';
import { arnOf, findEnabledKey, type Input, readContext } from '#localstack/emulators/kms/input.ts';
import type { KeyStore } from '#localstack/emulators/kms/key-store.ts';

export function generateDataKey(store: KeyStore, input: Input): object {
  const length = readLength(input);
  const key = findEnabledKey(store, input);
  const plaintext = randomBytes(length);
  return {
    KeyId: arnOf(key.keyId),
    Plaintext: plaintext.toString('base64'),
    CiphertextBlob: sealUnder(key, plaintext, readContext(input)).toString('base64'),
  };
}

function readLength({ KeySpec: spec, NumberOfBytes: bytes }: Input): number {
  if ((spec === undefined) === (bytes === undefined))
    throw new ServiceError('ValidationException', 'Please specify either number of bytes or key spec.');
  if (spec === 'AES_256') return 32;
  if (spec === 'AES_128') return 16;
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 1 && bytes <= 1024) return bytes;
  throw new ServiceError('ValidationException', 'KeySpec is AES_256 or AES_128, NumberOfBytes is 1 to 1024.');
}
