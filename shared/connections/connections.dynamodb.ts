import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { queryAll } from '#shared/aws/query-all.ts';
import { assign, type KeyOf, type RowOf, readerOf } from '#shared/aws/rows.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Connections } from './connections.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
}

/** API Gateway ends a connection after 2 h; 10 minutes more for what is slow. */
const longestLifeMs = (2 * 60 + 10) * 60_000;

const connections = /* @__PURE__ */ readerOf('connections', [
  'userId',
  'connectionId',
  'address',
  'connectedAt',
  'expiresAt',
  'ready',
  'epoch',
]);

/** The live connections of users. A row may outlive its connection: `$disconnect` is best effort. */
export function makeConnections({ dynamodb, tableName, clock }: Options): Connections {
  const add: Connections['add'] = async (connection) => {
    const ttl = Math.ceil((connection.connectedAt + longestLifeMs) / 1000);
    const Item = { ...connection, ttl } satisfies RowOf<'connections'>;
    await dynamodb.send(new PutCommand({ TableName: tableName, Item }));
  };

  const remove: Connections['remove'] = async ({ userId, connectionId }) => {
    const Key = { userId, connectionId } satisfies KeyOf<'connections'>;
    await dynamodb.send(new DeleteCommand({ TableName: tableName, Key }));
  };

  const markReady: Connections['markReady'] = async ({ userId, connectionId }) => {
    const { expression, values } = assign<'connections'>({ ready: true });
    try {
      await dynamodb.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { userId, connectionId } satisfies KeyOf<'connections'>,
          UpdateExpression: expression,
          ConditionExpression: 'attribute_exists(userId)',
          ExpressionAttributeValues: values,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  const of: Connections['of'] = async (userId, consistency, onUnfit) => {
    const rows = await queryAll(dynamodb, {
      TableName: tableName,
      KeyConditionExpression: 'userId = :userId',
      ExpressionAttributeValues: { ':userId': userId },
      ConsistentRead: consistency === 'strong',
    });
    // Time to live deletes up to 48 h late.
    return connections
      .all(rows, onUnfit)
      .filter((connection) => connection.connectedAt + longestLifeMs > clock.now());
  };

  return { add, remove, markReady, of };
}
