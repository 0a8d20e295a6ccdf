import { randomBytes } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type DataKeys, makeDataKeys } from '#shared/keys/data-keys.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import type { MessageCipher } from '#shared/keys/message-cipher.ts';
import type { MessagePlace } from '#shared/log/message.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import type { TestDynamoDB } from '#test/support/dynamodb.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { type FakeKms, kmsKeyId } from './fake-kms.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export interface VirtualClock extends Clock {
  advance(milliseconds: number): void;
}

export function makeVirtualClock(): VirtualClock {
  let now = Date.UTC(2026, 0, 1);
  return {
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds;
    },
    sleep: async (milliseconds) => {
      now += milliseconds;
    },
  };
}

export interface RecordedTelemetry extends Telemetry {
  readonly counts: Record<string, number>;
  readonly lines: string[];
}

export function recordTelemetry(): RecordedTelemetry {
  const counts: Record<string, number> = {};
  const lines: string[] = [];
  const record = (event: string, fields?: unknown) => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  return {
    ...silentTelemetry,
    counts,
    lines,
    info: record,
    warn: record,
    error: (event, error, fields) => record(event, { error: String(error), ...fields }),
    count: (name, by = 1) => {
      counts[name] = (counts[name] ?? 0) + by;
    },
  };
}

/** Several execution environments of one deployment share all of this. */
export interface Deployment {
  readonly database: TestDynamoDB;
  readonly kms: FakeKms;
  readonly clock: VirtualClock;
  readonly dynamodb?: Pick<DynamoDBDocumentClient, 'send'>;
  /** 0 draws the latest moment to rotate: after exactly a day. */
  readonly random?: () => number;
}

export interface Environment {
  readonly dataKeys: DataKeys;
  readonly cipher: MessageCipher;
  readonly telemetry: RecordedTelemetry;
}

export function startEnvironment(deployment: Deployment): Environment {
  const { database, kms, clock, dynamodb = database.client, random = () => 0 } = deployment;
  const telemetry = recordTelemetry();
  const dataKeys = makeDataKeys({
    kms: kms.client,
    dynamodb,
    tableName: database.tableNames.dataKeys,
    kmsKeyId,
    clock,
    random,
    randomBytes,
    telemetry,
  });
  return { dataKeys, cipher: makeMessageCipher({ dataKeys, randomBytes }), telemetry };
}

export const keySalt = new Uint8Array(32).fill(7);

export const place: MessagePlace = {
  conversationId: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
  seq: 1,
  messageId: '01934f2a-7c11-7bd3-9d8e-3f6a5b4c2d10',
  senderId: 'alice',
  senderCount: 1,
  sentAt: 1_732_400_000_123,
  clientMessageId: 'draft-7',
};
