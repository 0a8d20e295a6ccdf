import { DependencyFailure } from '#shared/runtime/failures.ts';

/**
 * Why a data key cannot be had:
 * - `revoked`: KMS was asked and refused (denied, disabled, pending deletion, not there);
 * - `unreachable`: KMS or the table timed out, throttled or broke down; the same request may succeed later;
 * - `unusable`: the key's row or the settings are wrong, which concerns this key alone.
 */
export type DataKeyFailure = 'revoked' | 'unreachable' | 'unusable';

/** A data key could not be had; the messages under it are good. `message` says what to do, `cause` is the SDK's error. */
export class DataKeyUnavailable extends DependencyFailure {
  override readonly name = 'DataKeyUnavailable';
  readonly reason: DataKeyFailure;

  constructor(reason: DataKeyFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** No row has this key id: the key was deleted, the id is damaged, or it belongs to another deployment. */
export class UnknownDataKey extends Error {
  override readonly name = 'UnknownDataKey';

  constructor(keyId: string) {
    super(
      `There is no data key ${keyId}. If it was deleted by mistake, restore its row from a backup of DataKeys.`,
    );
  }
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

export function isUnreachable(error: unknown): boolean {
  return error instanceof DataKeyUnavailable && error.reason === 'unreachable';
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
