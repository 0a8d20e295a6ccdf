import type { TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import { issuerPaths } from '#localstack/emulators/issuer/issuer.ts';
import { localAccount } from '#localstack/emulators/local-account.ts';
import { type TableId, tables } from '#shared/aws/tables.ts';

export interface Endpoints {
  readonly dynamodb: string;
  readonly kms: string;
  readonly sqs: string;
  readonly events: string;
}

export interface EnvironmentParts {
  readonly endpoints: Endpoints;
  readonly tableNames: TableNames;
  readonly kmsKeyId: string;
  readonly queueUrl: string;
  readonly cacheUrl: string | undefined;
  /** Of the stack, such as `http://127.0.0.1:4510`. */
  readonly httpUrl: string;
  /** Under which `/@connections/{id}` is. */
  readonly managementUrl: string;
  /** What tokens carry as `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /** Which life of the data this is. */
  readonly epoch: string;
}

/** What the functions are told: where things are and how they are called, by the SDK's own variables where it has some. */
export function functionEnvironment(parts: EnvironmentParts): Readonly<Record<string, string>> {
  const { endpoints, tableNames, httpUrl } = parts;
  const tableVariables = Object.entries(tables).map(([id, { environmentVariable }]) => [
    environmentVariable,
    tableNames[id as TableId],
  ]);
  return {
    AWS_REGION: localAccount.region,
    AWS_ACCESS_KEY_ID: localAccount.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localAccount.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_KMS: endpoints.kms,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.events,
    ...Object.fromEntries(tableVariables),
    KMS_KEY_ID: parts.kmsKeyId,
    DELIVERY_QUEUE_URL: parts.queueUrl,
    EVENT_BUS_NAME: 'default',
    MANAGEMENT_ENDPOINT: parts.managementUrl,
    EPOCH: parts.epoch,
    TOKEN_ISSUER: parts.issuer,
    TOKEN_AUDIENCE: parts.audience,
    TOKEN_JWKS_URI: `${httpUrl}${issuerPaths.keys}`,
    ...(parts.cacheUrl !== undefined && { CACHE_URL: parts.cacheUrl }),
    POWERTOOLS_SERVICE_NAME: 'postrider',
    POWERTOOLS_LOG_LEVEL: 'WARN',
    // Nobody collects them here, and each would be a line among the logs.
    POWERTOOLS_METRICS_DISABLED: 'true',
  };
}
