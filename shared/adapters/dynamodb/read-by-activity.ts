import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { RecentMailboxes } from '#shared/use-cases/ports.ts';
import type { Backoff } from '#shared/use-cases/waiting.ts';
import { batchGetAll } from './batch-get.ts';
import type { DocumentClient } from './document-client.ts';
import { type Row, toMailboxNumbers } from './rows.ts';
import { tables } from './tables.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly backoff: Backoff;
}

interface IndexKey {
  readonly userId: string;
  readonly conversationId: string;
  readonly activeHour: number;
}

interface Found {
  readonly keys: IndexKey[];
  readonly olderFrom?: number;
}

/**
 * Reads mailboxes by the hour of their last message, through the index: its cost follows what is read, not how many
 * mailboxes the user has. The index holds keys alone, because each attribute that it held would be written twice.
 */
export function makeReadByActivity({ dynamodb, tableName, backoff }: Options) {
  /** The keys of whole hours, the newest first, until there are `atLeast` of them. */
  async function findKeys(userId: string, atLeast: number, fromHour: number | undefined): Promise<Found> {
    const isFrom = fromHour === undefined ? '' : ' AND activeHour <= :fromHour';
    const keys: IndexKey[] = [];
    let start: Row | undefined;
    // A key takes about 110 bytes, so that those of two pages of 50 cost 3 units.
    for (let limit = 2 * atLeast; ; limit *= 2) {
      const page = await dynamodb.send(
        new QueryCommand({
          TableName: tableName,
          IndexName: tables.mailboxes.index.name,
          KeyConditionExpression: `userId = :userId${isFrom}`,
          ExpressionAttributeValues: {
            ':userId': userId,
            ...(fromHour !== undefined && { ':fromHour': fromHour }),
          },
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit: limit,
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      keys.push(...((page.Items ?? []) as IndexKey[]));
      const lastHour = keys[atLeast - 1]?.activeHour;
      const older = lastHour && keys.find(({ activeHour }) => activeHour < lastHour)?.activeHour;
      if (older) return { keys: keys.filter(({ activeHour }) => activeHour >= lastHour), olderFrom: older };
      start = page.LastEvaluatedKey;
      // Without another hour in sight, more of the same may follow.
      if (!start) return { keys };
    }
  }

  return async (userId: string, atLeast: number, fromHour?: number): Promise<RecentMailboxes> => {
    const { keys, ...rest } = await findKeys(userId, atLeast, fromHour);
    const primaryKeys = keys.map(({ conversationId }) => ({ userId, conversationId }));
    const rows = await batchGetAll(dynamodb, tableName, primaryKeys, backoff);
    return { mailboxes: rows.map(toMailboxNumbers), ...rest };
  };
}
