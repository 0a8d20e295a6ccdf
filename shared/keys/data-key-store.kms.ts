import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, RandomBytes } from '#shared/runtime/clock.ts';
import { DataKeyUnavailable, kmsFailure, tableFailure, UnknownDataKey } from './data-key-errors.ts';

export interface DataKeyStoreOptions {
  readonly kms: Pick<KMSClient, 'send'>;
  readonly dynamodb: Pick<DynamoDBDocumentClient, 'send'>;
  /** The DataKeys table. */
  readonly tableName: string;
  /** Id, ARN or alias of the KMS key that wraps the data keys. */
  readonly kmsKeyId: string;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** Says which key is sealed with. Key ids are lower-case hex here. */
export interface Pointer {
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface DataKeyStore {
  /** The pointer, consistent; none before the first key. */
  readPointer(): Promise<Pointer | undefined>;
  /** The unwrapped key, 32 bytes. Throws `UnknownDataKey` if there is no such row. */
  load(keyId: string): Promise<Uint8Array>;
  /** Makes a key and points to it, unless the pointer has left `previousId` meanwhile: then nothing comes back. */
  create(previousId: string | undefined): Promise<(Pointer & { readonly key: Uint8Array }) | undefined>;
}

export const keyIdBytes = 16;
export const dataKeyBytes = 32;
const pointerId = 'current';

/** The rows of DataKeys and the two KMS calls. Every failure is a `DataKeyUnavailable` or an `UnknownDataKey`. */
export function makeDataKeyStore(options: DataKeyStoreOptions): DataKeyStore {
  const { dynamodb, tableName, clock, randomBytes } = options;
  const kms = makeWrapping(options);

  async function read(keyId: string): Promise<Record<string, unknown> | undefined> {
    try {
      // Consistent, because another environment may have sealed a message with this key a moment ago.
      const get = new GetCommand({ TableName: tableName, Key: { keyId }, ConsistentRead: true });
      return (await dynamodb.send(get)).Item;
    } catch (error) {
      throw tableFailure(error, tableName);
    }
  }

  /** False if the condition did not hold. */
  async function put(item: Record<string, unknown>, condition: string, value: unknown): Promise<boolean> {
    try {
      await dynamodb.send(
        new PutCommand({
          TableName: tableName,
          Item: item,
          ConditionExpression: condition,
          ...(value !== undefined && { ExpressionAttributeValues: { ':value': value } }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw tableFailure(error, tableName);
    }
  }

  return {
    async readPointer() {
      const row = await read(pointerId);
      if (row === undefined) return undefined;
      const { dataKeyId, createdAt } = row;
      if (typeof dataKeyId === 'string' && typeof createdAt === 'number')
        return { keyId: dataKeyId, createdAt };
      const remedy = 'Delete it: the next send makes a new key.';
      throw new DataKeyUnavailable(
        'unusable',
        `The row "${pointerId}" of ${tableName} is damaged. ${remedy}`,
      );
    },

    async load(keyId) {
      const row = await read(keyId);
      if (row === undefined) throw new UnknownDataKey(keyId);
      if (row.wrappedKey instanceof Uint8Array) return await kms.unwrap(keyId, row.wrappedKey);
      const remedy = 'Restore it from a backup of DataKeys.';
      throw new DataKeyUnavailable('unusable', `The row of data key ${keyId} is damaged. ${remedy}`);
    },

    async create(previousId) {
      const keyId = Buffer.from(randomBytes(keyIdBytes)).toString('hex');
      const createdAt = clock.now();
      const { key, wrappedKey } = await kms.generate(keyId);
      // The second half is for the SDK's own retry of a put that had taken place.
      const rowIsOurs = 'attribute_not_exists(keyId) OR wrappedKey = :value';
      if (!(await put({ keyId, wrappedKey, createdAt }, rowIsOurs, wrappedKey))) return undefined;
      const pointerIsPrevious = previousId ? 'dataKeyId = :value' : 'attribute_not_exists(keyId)';
      const pointer = { keyId: pointerId, dataKeyId: keyId, createdAt };
      return (await put(pointer, pointerIsPrevious, previousId)) ? { keyId, createdAt, key } : undefined;
    },
  };
}

function makeWrapping({ kms, kmsKeyId }: Pick<DataKeyStoreOptions, 'kms' | 'kmsKeyId'>) {
  /** KMS refuses to unwrap a key for another id than its own, and its log names the id. */
  const contextOf = (keyId: string) => ({ application: 'postrider', dataKeyId: keyId });

  return {
    async generate(keyId: string): Promise<{ key: Uint8Array; wrappedKey: Uint8Array }> {
      const command = new GenerateDataKeyCommand({
        KeyId: kmsKeyId,
        KeySpec: 'AES_256',
        EncryptionContext: contextOf(keyId),
      });
      const made = await kms.send(command).catch((error: unknown) => {
        throw kmsFailure(error, kmsKeyId);
      });
      if (made.CiphertextBlob === undefined)
        throw new DataKeyUnavailable('unusable', 'KMS gave no wrapped key.');
      return { key: checked(made.Plaintext), wrappedKey: made.CiphertextBlob };
    },

    async unwrap(keyId: string, wrappedKey: Uint8Array): Promise<Uint8Array> {
      const command = new DecryptCommand({
        // Named, or a row that somebody wrapped under a key of their own would be unwrapped as well.
        KeyId: kmsKeyId,
        CiphertextBlob: wrappedKey,
        EncryptionContext: contextOf(keyId),
      });
      const opened = await kms.send(command).catch((error: unknown) => {
        throw kmsFailure(error, kmsKeyId);
      });
      return checked(opened.Plaintext);
    },
  };
}

function checked(key: Uint8Array | undefined): Uint8Array {
  if (key?.byteLength === dataKeyBytes) return key;
  throw new DataKeyUnavailable('unusable', `KMS gave a data key that is not ${dataKeyBytes} bytes long.`);
}
