import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { type Backoff, sideBySide } from '#shared/runtime/waiting.ts';
import type { DocumentClient } from './document-client.ts';
import type { Row } from './rows.ts';

/** BatchGetItem takes 100 keys (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html). */
const batchSize = 100;
/** How often keys that were left unprocessed are asked for again. */
const attempts = 6;

/**
 * The rows of up to 100 keys, by table, consistent; those that do not exist are left out. Unprocessed keys are asked
 * for again: taken for absent, they would unblock a user or start a log anew.
 */
export async function batchGet(
  dynamodb: DocumentClient,
  keys: Readonly<Record<string, readonly Row[]>>,
  backoff: Backoff,
): Promise<Record<string, Row[]>> {
  const found: Record<string, Row[]> = {};
  let pending = Object.fromEntries(
    Object.entries(keys).map(([table, Keys]) => [table, { Keys: [...Keys], ConsistentRead: true }]),
  );
  for (let attempt = 1; Object.keys(pending).length > 0; attempt += 1) {
    if (attempt > attempts) throw new DependencyFailure('DynamoDB left keys of a batch unprocessed.');
    if (attempt > 1) await backoff(attempt);
    const { Responses = {}, UnprocessedKeys = {} } = await dynamodb.send(
      new BatchGetCommand({ RequestItems: pending }),
    );
    for (const [table, rows] of Object.entries(Responses)) found[table] = [...(found[table] ?? []), ...rows];
    pending = UnprocessedKeys as typeof pending;
  }
  return found;
}

/** The rows of any number of keys of one table, consistent, its batches side by side. */
export async function batchGetAll(
  dynamodb: DocumentClient,
  tableName: string,
  keys: readonly Row[],
  backoff: Backoff,
): Promise<Row[]> {
  const batches = Array.from({ length: Math.ceil(keys.length / batchSize) }, (_, index) =>
    keys.slice(index * batchSize, (index + 1) * batchSize),
  );
  const answers = await sideBySide(
    ...batches.map((batch) => batchGet(dynamodb, { [tableName]: batch }, backoff)),
  );
  return answers.flatMap((answer) => answer[tableName] ?? []);
}
