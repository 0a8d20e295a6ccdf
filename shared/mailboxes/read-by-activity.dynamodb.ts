import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { batchGetAll } from '#shared/aws/batch-get.ts';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { type KeyOf, type Row, type RowOf, type RowReader, readerOf } from '#shared/aws/rows.ts';
import { tables } from '#shared/aws/tables.ts';
import type { UnfitRow } from '#shared/runtime/failures.ts';
import type { Retries } from '#shared/runtime/retries.ts';
import type { Mailboxes, MailboxNumbers } from './mailboxes.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly retries: Retries;
  readonly reader: RowReader<MailboxNumbers>;
}

const indexKeys = /* @__PURE__ */ readerOf('mailboxes', ['conversationId', 'activeHour']);
type IndexKey = RowOf<'mailboxes', 'conversationId' | 'activeHour'>;

/**
 * Reads mailboxes by the hour of their last message, through the index: the cost follows what is read, not how many
 * the user has. The index holds keys alone, because whatever else it held would be written once more at each change.
 */
export function makeReadByActivity({ dynamodb, tableName, retries, reader }: Options) {
  async function readKeys(userId: string, fromHour: number, limit: number, start: Row | undefined) {
    const { Items = [], LastEvaluatedKey } = await dynamodb.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: tables.mailboxes.index.name,
        KeyConditionExpression: 'userId = :userId AND activeHour <= :fromHour',
        ExpressionAttributeValues: { ':userId': userId, ':fromHour': fromHour },
        ConsistentRead: true,
        ScanIndexForward: false,
        Limit: limit,
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    return { found: indexKeys.all(Items), next: LastEvaluatedKey };
  }

  /** The keys of whole hours, because within an hour the index knows no order. */
  async function findKeys(
    userId: string,
    atLeast: number,
    fromHour = Number.MAX_SAFE_INTEGER,
  ): Promise<{ keys: IndexKey[]; areAll: boolean }> {
    const keys: IndexKey[] = [];
    let start: Row | undefined;
    // A key takes about 110 bytes, so that those of two pages of 50 cost 3 units.
    for (let limit = 2 * atLeast; ; limit *= 2) {
      const { found, next } = await readKeys(userId, fromHour, limit, start);
      keys.push(...found);
      // The pages before may have shown all of the first hour: it does not count.
      const counted = keys.filter(({ activeHour }) => activeHour < fromHour);
      const lastHour = counted[atLeast - 1]?.activeHour ?? Number.NEGATIVE_INFINITY;
      const isLastHourWhole = keys.some(({ activeHour }) => activeHour < lastHour);
      if (isLastHourWhole)
        return { keys: keys.filter(({ activeHour }) => activeHour >= lastHour), areAll: false };
      if (!next) return { keys, areAll: true };
      start = next;
    }
  }

  const read: Mailboxes['recent'] = async (userId, atLeast, fromHour, onUnfit) => {
    for (let wanted = atLeast; ; ) {
      const { keys, areAll } = await findKeys(userId, wanted, fromHour);
      const primaryKeys = keys.map(({ conversationId }): KeyOf<'mailboxes'> => ({ userId, conversationId }));
      const rows = await batchGetAll(dynamodb, tableName, primaryKeys, retries);
      const unfit: UnfitRow[] = [];
      const found = reader.all(rows, onUnfit && ((failure) => unfit.push(failure)));
      // Fewer than were asked for would look like the last there are.
      if (areAll || unfit.length <= wanted - atLeast) {
        for (const failure of unfit) onUnfit?.(failure);
        return found;
      }
      wanted = atLeast + unfit.length;
    }
  };
  return read;
}
