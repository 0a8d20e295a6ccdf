import { QueryCommand, TransactWriteCommand, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { batchGet } from '#shared/aws/batch-get.ts';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { assign, type KeyOf, type Row } from '#shared/aws/rows.ts';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { makeRetries } from '#shared/runtime/retries.ts';
import { lostRace } from './cancellation.dynamodb.ts';
import type { LogTables } from './commit-transaction.dynamodb.ts';
import { entries, heads, wholeMailboxes } from './log-rows.dynamodb.ts';
import type { MemberRow, RepairedMailbox, RepairStore, Standing } from './repair-conversation.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tables: LogTables;
  readonly clock: Clock;
  readonly random: Random;
}

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** The first page is what two members remember together. */
const pageSize = 128;

/** A conversation's rows in DynamoDB, as a repair reads and writes them. */
export function makeRepairStore({ dynamodb, tables, clock, random }: Options): RepairStore {
  const retries = makeRetries({ clock, random });

  const readHead = async (conversationId: string) => {
    const key = { conversationId } satisfies KeyOf<'conversations'>;
    const rows = await batchGet(dynamodb, { [tables.conversations]: [key] }, retries);
    return heads.all(rows[tables.conversations] ?? [])[0];
  };

  return {
    members: async (conversationId) => (await readHead(conversationId))?.members,

    async read(conversationId, members) {
      const keys = {
        [tables.conversations]: [{ conversationId } satisfies KeyOf<'conversations'>],
        [tables.mailboxes]: members.map((userId): KeyOf<'mailboxes'> => ({ userId, conversationId })),
      };
      const rows = await batchGet(dynamodb, keys, retries);
      const mailboxes = wholeMailboxes.all(rows[tables.mailboxes] ?? []);
      return {
        conversationId,
        head: heads.all(rows[tables.conversations] ?? [])[0],
        mailboxes: members.map((userId) => ({
          userId,
          row: mailboxes.find((one) => one.userId === userId),
        })),
      };
    },

    async *newestFirst(conversationId) {
      let start: Row | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await dynamodb.send(
          new QueryCommand({
            TableName: tables.messages,
            KeyConditionExpression: 'conversationId = :conversationId',
            ExpressionAttributeValues: { ':conversationId': conversationId },
            ProjectionExpression: entries.projection,
            ConsistentRead: true,
            ScanIndexForward: false,
            Limit: pageSize,
            ...(start && { ExclusiveStartKey: start }),
          }),
        );
        const [highest] = Items;
        // Where the log ends must be known; another row that does not fit is passed over.
        if (!start && highest) entries.one(highest);
        yield entries.all(Items, () => {});
        start = LastEvaluatedKey;
      } while (start);
    },

    async write(standing, { end }) {
      const { conversationId } = standing;
      const TransactItems: TransactItem[] = [
        changeHead(tables, standing, end?.head),
        ...standing.mailboxes.map((member, index) =>
          changeMailbox(tables, conversationId, member, end?.mailboxes[index]),
        ),
      ].flatMap((item) => item ?? []);
      try {
        await dynamodb.send(new TransactWriteCommand({ TransactItems }));
        return true;
      } catch (error) {
        if (lostRace(error)) return false;
        throw error;
      }
    },
  };
}

/** Holds as long as nobody has changed the row since it was read; nothing is done about one that is absent and should be. */
function changeHead(
  tables: LogTables,
  { conversationId, head: was }: Standing,
  planned: Standing['head'],
): TransactItem | undefined {
  const TableName = tables.conversations;
  const Key = { conversationId } satisfies KeyOf<'conversations'>;
  const asRead = was
    ? { ConditionExpression: 'lastSeq = :was', ExpressionAttributeValues: { ':was': was.lastSeq } }
    : { ConditionExpression: 'attribute_not_exists(lastSeq)' };
  if (!planned) return was && { Delete: { TableName, Key, ...asRead } };
  const { members, keySalt, lastSeq, lastMessageAt } = planned;
  const { expression, values } = assign<'conversations'>({
    ...{ lastSeq, lastMessageAt },
    ...(!was && { members, keySalt }),
  });
  return {
    Update: {
      ...{ TableName, Key, ...asRead, UpdateExpression: expression },
      ExpressionAttributeValues: { ...values, ...asRead.ExpressionAttributeValues },
    },
  };
}

/** Its owner may have moved within it meanwhile. What a row lacks is read as 0. */
const mailboxAsRead = [
  'lastSeq = :was',
  ...['deliveredSeq', 'readSeq'].map((name) => `(${name} = :${name}Was OR attribute_not_exists(${name}))`),
].join(' AND ');

function changeMailbox(
  tables: LogTables,
  conversationId: string,
  { userId, row: was }: MemberRow,
  planned: RepairedMailbox | undefined,
): TransactItem | undefined {
  const TableName = tables.mailboxes;
  const Key = { userId, conversationId } satisfies KeyOf<'mailboxes'>;
  const asRead = was
    ? {
        ConditionExpression: mailboxAsRead,
        ExpressionAttributeValues: {
          ...{ ':was': was.lastSeq, ':deliveredSeqWas': was.deliveredSeq, ':readSeqWas': was.readSeq },
        },
      }
    : { ConditionExpression: 'attribute_not_exists(lastSeq)' };
  if (!planned) return was && { Delete: { TableName, Key, ...asRead } };
  const { userId: _, conversationId: __, ...attributes } = planned;
  const { expression, values } = assign<'mailboxes'>(attributes);
  return {
    Update: {
      ...{ TableName, Key, ...asRead, UpdateExpression: expression },
      ExpressionAttributeValues: { ...values, ...asRead.ExpressionAttributeValues },
    },
  };
}
