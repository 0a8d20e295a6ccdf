import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { queryAll } from '#shared/aws/query-all.ts';
import { assign, type KeyOf, type RowOf, readerOf } from '#shared/aws/rows.ts';
import { wholeMailboxes } from '#shared/log/log-rows.dynamodb.ts';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { errorName, makeRetries, policies } from '#shared/runtime/retries.ts';
import type { Mailboxes, MailboxMove, MailboxNumbers } from './mailboxes.ts';
import { makeReadByActivity } from './read-by-activity.dynamodb.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Of whoever has fewer mailboxes, `recent` begins with all of them rather than with the index. 300 by default. */
  readonly fewMailboxes?: number | undefined;
}

/** Everything but the remembered sends, which only a send needs. */
const numbers = /* @__PURE__ */ readerOf('mailboxes', [
  'userId',
  'conversationId',
  'lastSeq',
  'deliveredSeq',
  'readSeq',
  'lastMessageAt',
  'sentCount',
  'sentCountAtRead',
]);

/** The mailboxes in DynamoDB, as their owners move through them. Sends write them through the conversation log. */
export function makeMailboxes({
  dynamodb,
  tableName,
  clock,
  random,
  fewMailboxes = 300,
}: Options): Mailboxes {
  const retries = makeRetries({ clock, random });
  const readByActivity = makeReadByActivity({ dynamodb, tableName, retries, reader: numbers });

  const get: Mailboxes['get'] = async (userId, conversationId) => {
    const Key = { userId, conversationId } satisfies KeyOf<'mailboxes'>;
    const { Item } = await dynamodb.send(new GetCommand({ TableName: tableName, Key, ConsistentRead: true }));
    return Item && wholeMailboxes.one(Item);
  };

  const ofUser = (userId: string) => ({
    TableName: tableName,
    KeyConditionExpression: 'userId = :userId',
    ExpressionAttributeValues: { ':userId': userId },
    ProjectionExpression: numbers.projection,
    ConsistentRead: true,
  });

  const all: Mailboxes['all'] = async (userId, onUnfit) =>
    numbers.all(await queryAll(dynamodb, ofUser(userId)), onUnfit);

  const recent: Mailboxes['recent'] = async (userId, atLeast, fromHour, onUnfit) => {
    if (fromHour !== undefined) return await readByActivity(userId, atLeast, fromHour, onUnfit);
    // A query is charged by bytes and a batch by rows: 300 rows together cost what 10 to 60 of them cost one by one.
    const few = await dynamodb.send(new QueryCommand({ ...ofUser(userId), Limit: fewMailboxes }));
    return few.LastEvaluatedKey
      ? await readByActivity(userId, atLeast, undefined, onUnfit)
      : numbers.all(few.Items ?? [], onUnfit);
  };

  /**
   * A conditional update, with the row as it became or, refused, as it was. Updates that meet a transaction fail with
   * TransactionConflictException, which the SDK does not retry.
   */
  async function move(
    key: KeyOf<'mailboxes'>,
    positions: Partial<RowOf<'mailboxes'>>,
    seq: number,
    condition: string,
  ): Promise<{ moved: boolean; row: MailboxNumbers | undefined }> {
    const { expression, values } = assign<'mailboxes'>(positions);
    const command = new UpdateCommand({
      TableName: tableName,
      Key: key,
      UpdateExpression: expression,
      ConditionExpression: condition,
      ExpressionAttributeValues: { ...values, ':seq': seq },
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      const { Attributes } = await retries.retrying(
        policies.mailboxUpdate,
        () => dynamodb.send(command),
        isConflict,
      );
      return { moved: true, row: numbers.one(Attributes ?? {}, key) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { moved: false, row: error.Item && numbers.one(unmarshall(error.Item)) };
    }
  }

  const isBehind = (position: 'deliveredSeq' | 'readSeq'): string =>
    `lastSeq >= :seq AND (attribute_not_exists(${position}) OR ${position} < :seq)`;

  const acknowledge: Mailboxes['acknowledge'] = async (userId, conversationId, seq) => {
    const { moved, row } = await move(
      { userId, conversationId },
      { deliveredSeq: seq },
      seq,
      isBehind('deliveredSeq'),
    );
    return toMove(moved, row, seq);
  };

  const markRead: Mailboxes['markRead'] = async (userId, conversationId, seq, sentCountAtRead) => {
    const key = { userId, conversationId };
    const read = { readSeq: seq, sentCountAtRead };
    // DynamoDB has no max(): what was read is delivered too, unless more has been delivered already.
    const both = await move(
      key,
      { ...read, deliveredSeq: seq },
      seq,
      `${isBehind('readSeq')} AND ${isBehind('deliveredSeq')}`,
    );
    const wasDelivered = both.row !== undefined && both.row.deliveredSeq >= seq;
    if (both.moved || !wasDelivered) return toMove(both.moved, both.row, seq);
    const alone = await move(key, read, seq, isBehind('readSeq'));
    return toMove(alone.moved, alone.row, seq);
  };

  return { get, all, recent, acknowledge, markRead };
}

function isConflict(error: unknown): boolean {
  return errorName(error) === 'TransactionConflictException';
}

function toMove(moved: boolean, mailbox: MailboxNumbers | undefined, seq: number): MailboxMove {
  if (mailbox === undefined) return { moved: false, reason: 'not_found' };
  if (moved) return { moved: true, mailbox };
  return { moved: false, reason: mailbox.lastSeq < seq ? 'beyond_end' : 'older' };
}
