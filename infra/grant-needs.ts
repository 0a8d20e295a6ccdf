import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { type TableDefinition, type TableId, tables } from '#shared/aws/tables.ts';
import type { CacheNetwork } from './constructs/cache-network.ts';
import type { MessageCache } from './constructs/message-cache.ts';
import type { MessagingApi } from './constructs/messaging-api.ts';
import type { MessagingFunction } from './constructs/messaging-function.ts';
import type { FunctionNeeds } from './function-needs.ts';
import type { Settings } from './settings.ts';

/** Whose tokens are accepted. */
export interface SignIn {
  readonly issuer: string;
  /** One, or several with commas between them. */
  readonly audience: string;
  readonly jwksUri: string;
  readonly scope?: string;
}

/** What the functions share; each gets at what its needs name and at nothing else. */
export interface SharedParts {
  readonly tables: Readonly<Record<TableId, TableV2>>;
  readonly contentKey: Key;
  readonly signIn: SignIn;
  readonly api: MessagingApi;
  readonly queue: IQueue;
  readonly notifications: EventBus;
  readonly settings: Pick<Settings, 'rateLimits' | 'trustedNetworks' | 'dataKeyHours' | 'issuerKeysHours'>;
  readonly cache?: MessageCache;
  readonly network?: CacheNetwork;
}

/** Gives a function what it needs: the permission and the environment variable that says where, always together. */
export function grantNeeds(
  { lambda, role }: MessagingFunction,
  needs: FunctionNeeds,
  parts: SharedParts,
): void {
  grantTables(lambda, needs, parts);
  if (needs.contentKey !== undefined) {
    grantContentKey(lambda, needs.contentKey, parts.contentKey);
    lambda.addEnvironment('KMS_KEY_ID', parts.contentKey.keyArn);
    lambda.addEnvironment('DATA_KEY_HOURS', String(parts.settings.dataKeyHours));
  }
  if (needs.connections !== undefined) {
    parts.api.grantConnections(role, needs.connections);
    lambda.addEnvironment('MANAGEMENT_ENDPOINT', parts.api.stage.callbackUrl);
  }
  if (needs.verifiesTokens) {
    lambda.addEnvironment('TOKEN_ISSUER', parts.signIn.issuer);
    lambda.addEnvironment('TOKEN_AUDIENCE', parts.signIn.audience);
    lambda.addEnvironment('TOKEN_JWKS_URI', parts.signIn.jwksUri);
    lambda.addEnvironment('TOKEN_KEYS_HOURS', String(parts.settings.issuerKeysHours));
    if (parts.signIn.scope !== undefined) lambda.addEnvironment('TOKEN_SCOPE', parts.signIn.scope);
  }
  if (needs.queuesDelivery) {
    allow(lambda, ['sqs:SendMessage'], parts.queue.queueArn);
    lambda.addEnvironment('DELIVERY_QUEUE_URL', parts.network?.queueUrl(parts.queue) ?? parts.queue.queueUrl);
  }
  if (needs.publishesNotifications) {
    allow(lambda, ['events:PutEvents'], parts.notifications.eventBusArn);
    lambda.addEnvironment('EVENT_BUS_NAME', parts.notifications.eventBusName);
  }
  if (needs.usesCache && parts.cache !== undefined) {
    parts.cache.grantConnect(lambda);
    addAll(lambda, { ...parts.cache.environment, ...parts.network?.environment });
  }
}

/** A function knows every table's name and may do only what its needs name. */
function grantTables(lambda: LambdaFunction, { tables: needed }: FunctionNeeds, parts: SharedParts): void {
  if (needed === undefined) return;
  for (const [id, { environmentVariable }] of Object.entries(tables)) {
    const table = parts.tables[id as TableId];
    const needs = needed[id as TableId] ?? [];
    const actions = needs.filter((need) => need !== 'Query index').map((action) => `dynamodb:${action}`);
    if (actions.length > 0) allow(lambda, actions, table.tableArn);
    if (needs.includes('Query index')) allow(lambda, ['dynamodb:Query'], indexArn(id as TableId, table));
    lambda.addEnvironment(environmentVariable, table.tableName);
  }
  if (needed.rateLimits !== undefined) {
    const { rateLimits, trustedNetworks } = parts.settings;
    if (rateLimits !== undefined) lambda.addEnvironment('RATE_LIMITS', rateLimits);
    if (trustedNetworks !== undefined) lambda.addEnvironment('TRUSTED_NETWORKS', trustedNetworks);
  }
}

function indexArn(id: TableId, { tableArn }: TableV2): string {
  const { index }: TableDefinition = tables[id];
  if (index === undefined) throw new Error(`The table ${id} has no index.`);
  return `${tableArn}/index/${index.name}`;
}

/** The condition keeps the key from being used for anything but our data keys, even by these functions. */
function grantContentKey(lambda: LambdaFunction, actions: readonly string[], key: Key): void {
  lambda.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: actions.map((action) => `kms:${action}`),
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:EncryptionContext:application': 'postrider' } },
    }),
  );
}

function allow(grantee: IGrantable, actions: string[], resource: string): void {
  grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [resource] }));
}

function addAll(lambda: LambdaFunction, environment: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(environment)) lambda.addEnvironment(name, value);
}
