import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { makeManagementApi } from '#shared/adapters/connections/management-api.ts';
import { makeConnections } from '#shared/adapters/dynamodb/connections.ts';
import { makeConversationLog } from '#shared/adapters/dynamodb/conversation-log.ts';
import { makeMailboxes } from '#shared/adapters/dynamodb/mailboxes.ts';
import { makeRateLimiter } from '#shared/adapters/dynamodb/rate-limiter.ts';
import { makeRelationships } from '#shared/adapters/dynamodb/relationships.ts';
import { type TableId, tables } from '#shared/adapters/dynamodb/tables.ts';
import { makeNotifications } from '#shared/adapters/events/notifications.ts';
import { makeDataKeys } from '#shared/adapters/kms/data-keys.ts';
import { makeMessageCipher } from '#shared/adapters/kms/message-cipher.ts';
import { makeDeliveryQueue } from '#shared/adapters/sqs/delivery-queue.ts';
import { parseRateLimits } from '#shared/domain/rate-limit-settings.ts';
import { eventBridgeClient, kmsClient, managementApiClient, sqsClient, withoutRetries } from './clients.ts';
import { clock, random, randomBytes } from './clock.ts';
import { hoursSetting, optionalSetting, setting } from './settings.ts';
import type { FlushableTelemetry } from './telemetry.ts';

/**
 * The parts that functions are put together from, each made from the settings of the environment. A function makes
 * what it needs once per cold start, and its bundle holds nothing else.
 */
const table = (id: TableId): string => setting(tables[id].environmentVariable);

export const connectionGateway = () => makeManagementApi({ api: managementApiClient(), clock, random });

export const connectionsTable = (dynamodb: DynamoDBDocumentClient) =>
  makeConnections({ dynamodb, tableName: table('connections'), clock });

export const conversationLog = (dynamodb: DynamoDBDocumentClient) =>
  makeConversationLog({
    dynamodb,
    transactions: withoutRetries(dynamodb),
    tables: {
      conversations: table('conversations'),
      messages: table('messages'),
      mailboxes: table('mailboxes'),
      relationships: table('relationships'),
    },
    clock,
    random,
  });

export const mailboxesTable = (dynamodb: DynamoDBDocumentClient) =>
  makeMailboxes({ dynamodb, tableName: table('mailboxes'), clock, random });

export const relationshipsTable = (dynamodb: DynamoDBDocumentClient) =>
  makeRelationships({ dynamodb, tableName: table('relationships') });

export const rateLimiter = (dynamodb: DynamoDBDocumentClient, telemetry: FlushableTelemetry) =>
  makeRateLimiter({
    dynamodb,
    tableName: table('rateLimits'),
    limits: parseRateLimits(optionalSetting('RATE_LIMITS')),
    clock,
    randomBytes,
    telemetry,
  });

export const messageCipher = (dynamodb: DynamoDBDocumentClient, telemetry: FlushableTelemetry) => {
  const dataKeys = makeDataKeys({
    kms: kmsClient(),
    dynamodb,
    tableName: table('dataKeys'),
    kmsKeyId: setting('KMS_KEY_ID'),
    clock,
    random,
    randomBytes,
    telemetry,
    rotateAfterMs: hoursSetting('DATA_KEY_HOURS', 24),
  });
  return { dataKeys, cipher: makeMessageCipher({ dataKeys, randomBytes }) };
};

export const deliveryQueue = () =>
  makeDeliveryQueue({ sqs: sqsClient(), queueUrl: setting('DELIVERY_QUEUE_URL') });

export const notifications = () =>
  makeNotifications({ events: eventBridgeClient(), eventBusName: setting('EVENT_BUS_NAME') });
