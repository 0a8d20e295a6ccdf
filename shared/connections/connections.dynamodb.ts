import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { queryAll } from '#shared/aws/query-all.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Connection, Connections } from './connections.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
}

/** API Gateway ends a connection after 2 h; 10 minutes more for what is slow. */
const longestLifeMs = (2 * 60 + 10) * 60_000;

/** The live connections of users. A row may outlive its connection: `$disconnect` is best effort. */
export function makeConnections({ dynamodb, tableName, clock }: Options): Connections {
  const add: Connections['add'] = async (connection) => {
    const ttl = Math.ceil((connection.connectedAt + longestLifeMs) / 1000);
    await dynamodb.send(new PutCommand({ TableName: tableName, Item: { ...connection, ttl } }));
  };

  const remove: Connections['remove'] = async ({ userId, connectionId }) => {
    await dynamodb.send(new DeleteCommand({ TableName: tableName, Key: { userId, connectionId } }));
  };

  const markReady: Connections['markReady'] = async ({ userId, connectionId }) => {
    try {
      await dynamodb.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { userId, connectionId },
          UpdateExpression: 'SET ready = :true',
          ConditionExpression: 'attribute_exists(userId)',
          ExpressionAttributeValues: { ':true': true },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  const of: Connections['of'] = async (userId, consistency) => {
    const rows = await queryAll(dynamodb, {
      TableName: tableName,
      KeyConditionExpression: 'userId = :userId',
      ExpressionAttributeValues: { ':userId': userId },
      ConsistentRead: consistency === 'strong',
    });
    // Time to live deletes up to 48 h late.
    return rows
      .map((row) => row as unknown as Connection)
      .filter((connection) => connection.connectedAt + longestLifeMs > clock.now());
  };

  return { add, remove, markReady, of };
}
