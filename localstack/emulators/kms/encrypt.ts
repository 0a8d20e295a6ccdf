import { sealUnder } from '#localstack/emulators/kms/ciphertext.ts';
import {
  arnOf,
  assertSymmetric,
  findEnabledKey,
  type Input,
  readBytes,
  readContext,
} from '#localstack/emulators/kms/input.ts';
import type { KeyStore } from '#localstack/emulators/kms/key-store.ts';

export function encrypt(store: KeyStore, input: Input): object {
  const plaintext = readBytes(input, 'Plaintext', 1, 4096);
  assertSymmetric(input);
  const key = findEnabledKey(store, input);
  return {
    KeyId: arnOf(key.keyId),
    CiphertextBlob: sealUnder(key, plaintext, readContext(input)).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  };
}
