import { startAwsJsonServer } from '#localstack/emulators/aws-json-server.ts';
import { openMasterKey } from './master-key.ts';
import { decrypt, generateDataKey } from './operations.ts';

export interface Kms {
  readonly endpoint: string;
  /** The only key: made at the first start, the same one ever after if there is a key file. */
  readonly keyId: string;
  stop(): Promise<void>;
}

/** What the functions call of KMS, on loopback, with one symmetric key. Signatures of requests are not checked. */
export async function startKms(options: { keyFile?: string } = {}): Promise<Kms> {
  const key = openMasterKey(options.keyFile);
  const server = await startAwsJsonServer({
    targetPrefix: 'TrentService',
    operations: {
      Decrypt: (input) => decrypt(key, input),
      GenerateDataKey: (input) => generateDataKey(key, input),
    },
  });
  return { ...server, keyId: key.keyId };
}
