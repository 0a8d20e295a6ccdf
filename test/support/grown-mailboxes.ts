import { randomBytes } from 'node:crypto';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { directConversationId } from '#shared/log/conversation.ts';
import { hourOf, type Mailbox } from '#shared/mailboxes/mailbox.ts';
import type { World } from './world.ts';

export interface GrownMailbox {
  /** Milliseconds since the epoch. */
  readonly lastMessageAt: number;
  readonly lastSeq?: number;
  readonly deliveredSeq?: number;
  /** Sends that the mailbox remembers: 10 bytes each. */
  readonly remembered?: number;
}

/** BatchWriteItem takes 25 rows. */
const batchSize = 25;

/**
 * Gives `userId` mailboxes and their conversations as many sends would have left them, without a message in any of
 * them. Returns the conversations' ids, in the order of `mailboxes`.
 */
export async function growMailboxes(
  { dynamodb }: Pick<World, 'dynamodb'>,
  userId: string,
  mailboxes: readonly GrownMailbox[],
): Promise<string[]> {
  const rows = mailboxes.map((mailbox, index) => makeRows(userId, mailbox, index));
  const requests = rows.flatMap(({ head, mailbox }) => [
    { table: dynamodb.tableNames.conversations, Item: head },
    { table: dynamodb.tableNames.mailboxes, Item: mailbox },
  ]);
  for (let start = 0; start < requests.length; start += batchSize) {
    const batch = requests.slice(start, start + batchSize);
    const RequestItems = Object.groupBy(
      batch.map(({ table, Item }) => ({ table, PutRequest: { Item } })),
      ({ table }) => table,
    );
    await dynamodb.client.send(
      new BatchWriteCommand({
        RequestItems: Object.fromEntries(
          Object.entries(RequestItems).map(([table, puts]) => [
            table,
            (puts ?? []).map(({ PutRequest }) => ({ PutRequest })),
          ]),
        ),
      }),
    );
  }
  return rows.map(({ head }) => head.conversationId);
}

function makeRows(userId: string, grown: GrownMailbox, index: number) {
  const { lastMessageAt, lastSeq = 1, deliveredSeq, remembered = 0 } = grown;
  const conversationId = directConversationId(userId, `other-${index}`);
  const mailbox = {
    userId,
    conversationId,
    lastSeq,
    lastMessageAt,
    activeHour: hourOf(lastMessageAt),
    ...(deliveredSeq !== undefined && { deliveredSeq }),
    ...(remembered > 0 && {
      recentSends: new Uint8Array(randomBytes(remembered * 10)),
      sentCount: remembered,
    }),
  } satisfies Partial<Mailbox> & { activeHour: number };
  const head = {
    conversationId,
    lastSeq,
    lastMessageAt,
    members: [userId, `other-${index}`],
    keySalt: new Uint8Array(randomBytes(32)),
  };
  return { head, mailbox };
}
