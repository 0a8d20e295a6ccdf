import { ServiceError } from '#localstack/emulators/aws-json-server.ts';
import { describe } from '#localstack/emulators/kms/describe-key.ts';
import type { Input } from '#localstack/emulators/kms/input.ts';
import type { KeyStore } from '#localstack/emulators/kms/key-store.ts';

export function createKey(store: KeyStore, input: Input): object {
  const spec = input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
  const usage = input.KeyUsage ?? 'ENCRYPT_DECRYPT';
  if (spec !== 'SYMMETRIC_DEFAULT' || usage !== 'ENCRYPT_DECRYPT')
    throw new ServiceError('UnsupportedOperationException', 'Only symmetric encryption keys are made here.');
  return { KeyMetadata: describe(store.create(String(input.Description ?? ''))) };
}
