import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { queryAll } from '#shared/aws/query-all.ts';
import { errorName, retrying } from '#shared/aws/retry.ts';
import { type Row, toMailbox, toMailboxNumbers } from '#shared/aws/rows.ts';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { makeBackoff } from '#shared/runtime/waiting.ts';
import type { Mailboxes, MailboxMove } from './mailboxes.ts';
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
const numbers =
  'userId, conversationId, lastSeq, deliveredSeq, readSeq, lastMessageAt, sentCount, sentCountAtRead';

/** The mailboxes in DynamoDB, as their owners move through them. Sends write them through the conversation log. */
export function makeMailboxes({
  dynamodb,
  tableName,
  clock,
  random,
  fewMailboxes = 300,
}: Options): Mailboxes {
  const backoff = makeBackoff(clock, random);
  const readByActivity = makeReadByActivity({ dynamodb, tableName, backoff });

  const get: Mailboxes['get'] = async (userId, conversationId) => {
    const { Item } = await dynamodb.send(
      new GetCommand({ TableName: tableName, Key: { userId, conversationId }, ConsistentRead: true }),
    );
    return Item && toMailbox(Item);
  };

  const ofUser = (userId: string) => ({
    TableName: tableName,
    KeyConditionExpression: 'userId = :userId',
    ExpressionAttributeValues: { ':userId': userId },
    ProjectionExpression: numbers,
    ConsistentRead: true,
  });

  const all: Mailboxes['all'] = async (userId) =>
    (await queryAll(dynamodb, ofUser(userId))).map(toMailboxNumbers);

  const recent: Mailboxes['recent'] = async (userId, atLeast, fromHour) => {
    if (fromHour !== undefined) return await readByActivity(userId, atLeast, fromHour);
    // A query is charged by bytes and a batch by rows: 300 rows together cost what 10 to 60 of them cost one by one.
    const few = await dynamodb.send(new QueryCommand({ ...ofUser(userId), Limit: fewMailboxes }));
    return few.LastEvaluatedKey
      ? await readByActivity(userId, atLeast)
      : (few.Items ?? []).map(toMailboxNumbers);
  };

  /**
   * A conditional update, with the row as it became or, refused, as it was. Updates that meet a transaction fail with
   * TransactionConflictException, which the SDK does not retry.
   */
  async function move(
    key: { userId: string; conversationId: string },
    update: string,
    condition: string,
    values: Row,
  ): Promise<{ moved: boolean; row: Row | undefined }> {
    const command = new UpdateCommand({
      TableName: tableName,
      Key: key,
      UpdateExpression: update,
      ConditionExpression: condition,
      ExpressionAttributeValues: values,
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      const { Attributes } = await retrying(() => dynamodb.send(command), isConflict, backoff);
      return { moved: true, row: Attributes };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { moved: false, row: error.Item && unmarshall(error.Item) };
    }
  }

  const isBehind = (position: string): string =>
    `lastSeq >= :seq AND (attribute_not_exists(${position}) OR ${position} < :seq)`;

  const acknowledge: Mailboxes['acknowledge'] = async (userId, conversationId, seq) => {
    const { moved, row } = await move(
      { userId, conversationId },
      'SET deliveredSeq = :seq',
      isBehind('deliveredSeq'),
      { ':seq': seq },
    );
    return toMove(moved, row, seq);
  };

  const markRead: Mailboxes['markRead'] = async (userId, conversationId, seq, sentCountAtRead) => {
    const key = { userId, conversationId };
    const values = { ':seq': seq, ':sentCountAtRead': sentCountAtRead };
    const read = 'SET readSeq = :seq, sentCountAtRead = :sentCountAtRead';
    // DynamoDB has no max(): what was read is delivered too, unless more has been delivered already.
    const both = await move(
      key,
      `${read}, deliveredSeq = :seq`,
      `${isBehind('readSeq')} AND ${isBehind('deliveredSeq')}`,
      values,
    );
    const wasDelivered = both.row !== undefined && toMailboxNumbers(both.row).deliveredSeq >= seq;
    if (both.moved || !wasDelivered) return toMove(both.moved, both.row, seq);
    const alone = await move(key, read, isBehind('readSeq'), values);
    return toMove(alone.moved, alone.row, seq);
  };

  return { get, all, recent, acknowledge, markRead };
}

function isConflict(error: unknown): boolean {
  return errorName(error) === 'TransactionConflictException';
}

function toMove(moved: boolean, row: Row | undefined, seq: number): MailboxMove {
  if (row === undefined) return { moved: false, reason: 'not_found' };
  const mailbox = toMailboxNumbers(row);
  if (moved) return { moved: true, mailbox };
  return { moved: false, reason: mailbox.lastSeq < seq ? 'beyond_end' : 'older' };
}
