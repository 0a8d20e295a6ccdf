import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import { keyIdOf, openUnder } from '#localstack/emulators/kms/ciphertext.ts';
import {
  arnOf,
  assertEnabled,
  assertSymmetric,
  findKey,
  type Input,
  readBytes,
  readContext,
} from '#localstack/emulators/kms/input.ts';
import type { KeyStore } from '#localstack/emulators/kms/key-store.ts';

export function decrypt(store: KeyStore, input: Input): object {
  const ciphertext = readBytes(input, 'CiphertextBlob', 1, 6144);
  assertSymmetric(input);
  const key = findKey(store, { KeyId: keyIdOf(ciphertext) });
  if (input.KeyId !== undefined && findKey(store, input) !== key)
    throw new ServiceError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  const plaintext = openUnder(assertEnabled(key), ciphertext, readContext(input));
  return {
    KeyId: arnOf(key.keyId),
    Plaintext: plaintext.toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  };
}
