import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Relationships } from '#shared/use-cases/ports.ts';
import type { DocumentClient } from './document-client.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
}

/** Who has blocked whom. A send reads these rows in one batch with its conversation. */
export function makeRelationships({ dynamodb, tableName }: Options): Relationships {
  return {
    async block(ownerId, otherId) {
      await dynamodb.send(
        new PutCommand({ TableName: tableName, Item: { ownerId, otherId, blocked: true } }),
      );
    },
    async unblock(ownerId, otherId) {
      await dynamodb.send(new DeleteCommand({ TableName: tableName, Key: { ownerId, otherId } }));
    },
  };
}
