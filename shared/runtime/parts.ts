import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  eventBridgeClient,
  kmsClient,
  managementApiClient,
  sqsClient,
  withoutRetries,
} from '#shared/aws/clients.ts';
import { type TableId, tables } from '#shared/aws/tables.ts';
import { makeConnections } from '#shared/connections/connections.dynamodb.ts';
import { makeManagementApi } from '#shared/connections/gateway.apigateway.ts';
import { makeDeliveryQueue } from '#shared/delivery/delivery-queue.sqs.ts';
import { makeNotifications } from '#shared/delivery/notifications.eventbridge.ts';
import { makeDataKeys } from '#shared/keys/data-key-store.kms.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { makeRateLimiter } from '#shared/limits/rate-limiter.dynamodb.ts';
import { makeConversationLog } from '#shared/log/conversation-log.dynamodb.ts';
import { makeMailboxes } from '#shared/mailboxes/mailboxes.dynamodb.ts';
import { makeRelationships } from '#shared/members/relationships.dynamodb.ts';
import { hoursSetting, optionalSetting, setting } from './settings.ts';
import { clock, random, randomBytes } from './system.ts';
import type { FlushableTelemetry } from './telemetry.powertools.ts';

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
