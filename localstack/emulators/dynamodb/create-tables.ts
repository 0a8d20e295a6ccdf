import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeDefinition,
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { type TableDefinition, type TableId, tables } from '#shared/aws/tables.ts';

export type TableNames = Readonly<Record<TableId, string>>;

/** `rateLimits` → `postrider-rate-limits`, and so on. */
export function nameTables(prefix: string): TableNames {
  const entries = Object.keys(tables).map((id) => [id, `${prefix}-${kebabCase(id)}`]);
  return Object.fromEntries(entries) as TableNames;
}

/** Makes every table that is missing, and keeps those that are there. Resolves when all of them can be used. */
export async function createTables(client: DynamoDBClient, names: TableNames): Promise<void> {
  await Promise.all(
    Object.entries(tables).map(async ([id, definition]) => {
      const name = names[id as TableId];
      if ((await statusOf(client, name)) === undefined) await createTable(client, name, definition);
      while ((await statusOf(client, name)) !== 'ACTIVE') await sleep(20);
      await setTimeToLive(client, name, definition);
    }),
  );
}

async function statusOf(client: DynamoDBClient, name: string): Promise<string | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return Table?.TableStatus;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

async function createTable(
  client: DynamoDBClient,
  name: string,
  { partitionKey, sortKey, index }: TableDefinition,
): Promise<void> {
  const keys = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  const attributes = index === undefined ? keys : [...keys, index.sortKey];
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: attributes.map(
        (key): AttributeDefinition => ({ AttributeName: key.name, AttributeType: key.type }),
      ),
      KeySchema: keySchema(keys),
      ...(index && {
        LocalSecondaryIndexes: [
          {
            IndexName: index.name,
            KeySchema: keySchema([partitionKey, index.sortKey]),
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        ],
      }),
    }),
  );
}

function keySchema(keys: readonly { readonly name: string }[]): KeySchemaElement[] {
  return keys.map((key, position) => ({
    AttributeName: key.name,
    KeyType: position === 0 ? 'HASH' : 'RANGE',
  }));
}

async function setTimeToLive(
  client: DynamoDBClient,
  name: string,
  { timeToLive }: TableDefinition,
): Promise<void> {
  if (timeToLive === undefined) return;
  // AWS refuses to set what is already set.
  const { TimeToLiveDescription: current } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: name }),
  );
  if (current?.AttributeName === timeToLive) return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: name,
      TimeToLiveSpecification: { Enabled: true, AttributeName: timeToLive },
    }),
  );
}

function kebabCase(id: string): string {
  return id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
