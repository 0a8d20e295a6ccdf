import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** What the adapters need of the SDK's document client; a simulation passes its own. */
export type DocumentClient = Pick<DynamoDBDocumentClient, 'send'>;
