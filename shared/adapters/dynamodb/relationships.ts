import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, Relationships } from '#shared/use-cases/ports.ts';
import type { DocumentClient } from './document-client.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
}

/** Who has blocked whom. A send reads these rows in one batch with its conversation. */
export function makeRelationships({ dynamodb, tableName, clock }: Options): Relationships {
  return {
    async block(ownerId, otherId) {
      const Item = { ownerId, otherId, blocked: true, blockedAt: clock.now() };
      await dynamodb.send(new PutCommand({ TableName: tableName, Item }));
    },
    async unblock(ownerId, otherId) {
      await dynamodb.send(new DeleteCommand({ TableName: tableName, Key: { ownerId, otherId } }));
    },
  };
}
