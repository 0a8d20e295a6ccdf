import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type KeyOf, type Row, type RowOf, type RowReader, readerOf } from '#shared/aws/rows.ts';
import type { Clock, RandomBytes } from '#shared/runtime/clock.ts';
import { DataKeyUnavailable } from './data-key-memory.ts';
import { type DataKeyStore, type DataKeys, makeDataKeysFrom, UnknownDataKey } from './data-keys.ts';

interface DataKeyStoreOptions {
  readonly kms: Pick<KMSClient, 'send'>;
  readonly dynamodb: Pick<DynamoDBDocumentClient, 'send'>;
  /** The DataKeys table. */
  readonly tableName: string;
  /** Id, ARN or alias of the KMS key that wraps the data keys. */
  readonly kmsKeyId: string;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

const keyIdBytes = 16;
const dataKeyBytes = 32;
const pointerId = 'current';

const pointers = /* @__PURE__ */ readerOf('dataKeys', ['dataKeyId', 'createdAt']);
const wrappedKeys = /* @__PURE__ */ readerOf('dataKeys', ['wrappedKey']);
type KeyRow = RowOf<'dataKeys', 'keyId' | 'wrappedKey' | 'createdAt'>;
type PointerRow = RowOf<'dataKeys', 'keyId' | 'dataKeyId' | 'createdAt'>;

/** Data keys that KMS wraps, in the table DataKeys. */
export function makeDataKeys(
  options: DataKeyStoreOptions & Omit<Parameters<typeof makeDataKeysFrom>[0], 'store'>,
): DataKeys {
  return makeDataKeysFrom({ ...options, store: makeDataKeyStore(options) });
}

/** The rows of DataKeys and the two KMS calls. Every failure is a `DataKeyUnavailable` or an `UnknownDataKey`. */
function makeDataKeyStore(options: DataKeyStoreOptions): DataKeyStore {
  const { dynamodb, tableName, clock, randomBytes } = options;
  const kms = makeWrapping(options);

  async function read(keyId: string): Promise<Row | undefined> {
    try {
      // Consistent, because another environment may have sealed a message with this key a moment ago.
      const Key = { keyId } satisfies KeyOf<'dataKeys'>;
      const get = new GetCommand({ TableName: tableName, Key, ConsistentRead: true });
      return (await dynamodb.send(get)).Item;
    } catch (error) {
      throw tableFailure(error, tableName);
    }
  }

  /** False if the condition did not hold. */
  async function put(item: KeyRow | PointerRow, condition: string, value: unknown): Promise<boolean> {
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
      const { dataKeyId, createdAt } = fitting(pointers, row, {
        what: `The row "${pointerId}" of ${tableName}`,
        remedy: 'Delete it: the next send makes a new key.',
      });
      return { keyId: dataKeyId, createdAt };
    },

    async load(keyId) {
      const row = await read(keyId);
      if (row === undefined) throw new UnknownDataKey(keyId);
      const { wrappedKey } = fitting(wrappedKeys, row, {
        what: `The row of data key ${keyId}`,
        remedy: 'Restore it from a backup of DataKeys.',
      });
      return await kms.unwrap(keyId, wrappedKey);
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

/** The row, or a `DataKeyUnavailable` that says what to do where it does not fit. */
function fitting<R>(reader: RowReader<R>, row: Row, { what, remedy }: { what: string; remedy: string }): R {
  try {
    return reader.one(row);
  } catch (error) {
    throw new DataKeyUnavailable('unusable', `${what} is damaged. ${remedy}`, error);
  }
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

/** What an error of a KMS call means. Whatever is not known to be passing counts as a refusal. */
export function kmsFailure(error: unknown, kmsKeyId: string): DataKeyUnavailable {
  const what = describe(error);
  if (isPassing(error)) {
    return new DataKeyUnavailable(
      'unreachable',
      `KMS is out of reach (${what}). Try again in a moment.`,
      error,
    );
  }
  if (what === 'InvalidCiphertextException') {
    const remedy = 'Restore the row from a backup of DataKeys.';
    return new DataKeyUnavailable(
      'unusable',
      `KMS cannot unwrap this data key: its row was altered. ${remedy}`,
      error,
    );
  }
  if (what === 'IncorrectKeyException') {
    const remedy = `Set the KMS key back, or re-encrypt the rows of DataKeys under ${kmsKeyId} (kms:ReEncrypt).`;
    return new DataKeyUnavailable(
      'unusable',
      `This data key was wrapped by another KMS key. ${remedy}`,
      error,
    );
  }
  const remedy = `Check that the KMS key ${kmsKeyId} is enabled and that the function's role may use it.`;
  return new DataKeyUnavailable('revoked', `KMS refused the data key (${what}). ${remedy}`, error);
}

/** What an error of the DataKeys table means. */
export function tableFailure(error: unknown, tableName: string): DataKeyUnavailable {
  const what = describe(error);
  if (isPassing(error)) {
    const text = `The table ${tableName} is out of reach (${what}). Try again in a moment.`;
    return new DataKeyUnavailable('unreachable', text, error);
  }
  const remedy = 'Check its name in the settings and what the function’s role may do with it.';
  return new DataKeyUnavailable(
    'unusable',
    `The table ${tableName} cannot be used (${what}). ${remedy}`,
    error,
  );
}

interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly $fault?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Throttling and time-outs that AWS answers with 400, and the SDK's own: names as in its retry classification. */
const passingNames = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestTimeout',
  'RequestTimeoutException',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TimeoutError',
  'TooManyRequestsException',
]);

const passingCodes = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

function isPassing(error: unknown): boolean {
  const { name, code, $fault, $metadata } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode ?? 0;
  const saysTheServer = status >= 500 || status === 429 || $fault === 'server';
  const saysTheNetwork = code !== undefined && passingCodes.has(code);
  return saysTheServer || saysTheNetwork || (name !== undefined && passingNames.has(name));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.name === 'Error' ? ((error as SdkError).code ?? error.name) : error.name;
}
