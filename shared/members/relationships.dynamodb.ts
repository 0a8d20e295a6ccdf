import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import type { KeyOf, RowOf } from '#shared/aws/rows.ts';
import type { Relationships } from './relationships.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
}

/** Who has blocked whom. A send reads these rows in one batch with its conversation. */
export function makeRelationships({ dynamodb, tableName }: Options): Relationships {
  return {
    async block(ownerId, otherId) {
      const Item = { ownerId, otherId, blocked: true } satisfies RowOf<'relationships'>;
      await dynamodb.send(new PutCommand({ TableName: tableName, Item }));
    },
    async unblock(ownerId, otherId) {
      const Key = { ownerId, otherId } satisfies KeyOf<'relationships'>;
      await dynamodb.send(new DeleteCommand({ TableName: tableName, Key }));
    },
  };
}
