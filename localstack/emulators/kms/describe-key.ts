import { arnOf, findKey, type Input } from '#localstack/emulators/kms/input.ts';
import type { KeyStore, MasterKey } from '#localstack/emulators/kms/key-store.ts';

export function describeKey(store: KeyStore, input: Input): object {
  return { KeyMetadata: describe(findKey(store, input)) };
}

export function describe(key: MasterKey): object {
  return {
    AWSAccountId: '000000000000',
    Arn: arnOf(key.keyId),
    CreationDate: key.createdAt / 1000,
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    Description: key.description,
    Enabled: key.enabled,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyId: key.keyId,
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: false,
    Origin: 'AWS_KMS',
  };
}
