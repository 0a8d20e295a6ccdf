import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** What the product needs of the SDK's document client; a simulation passes its own. */
export type DocumentClient = Pick<DynamoDBDocumentClient, 'send'>;
