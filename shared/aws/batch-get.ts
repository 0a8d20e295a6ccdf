import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { policies, type Retries } from '#shared/runtime/retries.ts';
import { sideBySide } from '#shared/runtime/waiting.ts';
import type { DocumentClient } from './document-client.ts';
import type { Row } from './rows.ts';

/** BatchGetItem takes 100 keys (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html). */
const batchSize = 100;

/**
 * The rows of up to 100 keys, by table, consistent; those that do not exist are left out. Unprocessed keys are asked
 * for again: taken for absent, they would unblock a user or start a log anew.
 */
export async function batchGet(
  dynamodb: DocumentClient,
  keys: Readonly<Record<string, readonly Row[]>>,
  retries: Retries,
): Promise<Record<string, Row[]>> {
  const found: Record<string, Row[]> = {};
  let pending = Object.fromEntries(
    Object.entries(keys).map(([table, Keys]) => [table, { Keys: [...Keys], ConsistentRead: true }]),
  );
  const isComplete = await retries.asking(policies.unprocessedKeys, async () => {
    const { Responses = {}, UnprocessedKeys = {} } = await dynamodb.send(
      new BatchGetCommand({ RequestItems: pending }),
    );
    for (const [table, rows] of Object.entries(Responses)) found[table] = [...(found[table] ?? []), ...rows];
    pending = UnprocessedKeys as typeof pending;
    return Object.keys(pending).length === 0 || undefined;
  });
  if (!isComplete) throw new DependencyFailure('DynamoDB left keys of a batch unprocessed.');
  return found;
}

/** The rows of any number of keys of one table, consistent, its batches side by side. */
export async function batchGetAll(
  dynamodb: DocumentClient,
  tableName: string,
  keys: readonly Row[],
  retries: Retries,
): Promise<Row[]> {
  const batches = Array.from({ length: Math.ceil(keys.length / batchSize) }, (_, index) =>
    keys.slice(index * batchSize, (index + 1) * batchSize),
  );
  const answers = await sideBySide(
    ...batches.map((batch) => batchGet(dynamodb, { [tableName]: batch }, retries)),
  );
  return answers.flatMap((answer) => answer[tableName] ?? []);
}
