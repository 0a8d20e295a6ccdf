import { startAwsJsonServer } from '#localstack/emulators/aws-json-server.ts';
import { createKey } from '#localstack/emulators/kms/create-key.ts';
import { decrypt } from '#localstack/emulators/kms/decrypt.ts';
import { describeKey } from '#localstack/emulators/kms/describe-key.ts';
import { encrypt } from '#localstack/emulators/kms/encrypt.ts';
import { generateDataKey } from '#localstack/emulators/kms/generate-data-key.ts';
import type { Input } from '#localstack/emulators/kms/input.ts';
import { disableKey, enableKey } from '#localstack/emulators/kms/key-state.ts';
import { type KeyStore, makeKeyStore } from '#localstack/emulators/kms/key-store.ts';

export interface Kms {
  readonly endpoint: string;
  /** The first key: made at the first start, the same one ever after if there is a key file. */
  readonly keyId: string;
  stop(): Promise<void>;
}

const operations = {
  CreateKey: createKey,
  Decrypt: decrypt,
  DescribeKey: describeKey,
  DisableKey: disableKey,
  EnableKey: enableKey,
  Encrypt: encrypt,
  GenerateDataKey: generateDataKey,
};

/** Symmetric KMS on loopback. Not kept: aliases, grants, policies, rotation, deletion, signatures of requests. */
export async function startKms(options: { keyFile?: string; port?: number } = {}): Promise<Kms> {
  const store = makeKeyStore(options.keyFile);
  const first = store.all()[0] ?? store.create('postrider');
  const server = await startAwsJsonServer({
    targetPrefix: 'TrentService',
    operations: bind(operations, store),
    ...(options.port !== undefined && { port: options.port }),
  });
  return { ...server, keyId: first.keyId };
}

function bind(table: Readonly<Record<string, (store: KeyStore, input: Input) => object>>, store: KeyStore) {
  return Object.fromEntries(
    Object.entries(table).map(([name, operation]) => [name, (input: Input) => operation(store, input)]),
  );
}
