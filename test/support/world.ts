import { randomBytes } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import { startKms } from '#localstack/kms/kms.ts';
import { makeMemoryCache } from '#shared/adapters/cache/memory-cache.ts';
import { makeConnections } from '#shared/adapters/dynamodb/connections.ts';
import { makeConversationLog } from '#shared/adapters/dynamodb/conversation-log.ts';
import type { DocumentClient } from '#shared/adapters/dynamodb/document-client.ts';
import { makeMailboxes } from '#shared/adapters/dynamodb/mailboxes.ts';
import { makeRateLimiter } from '#shared/adapters/dynamodb/rate-limiter.ts';
import { makeRelationships } from '#shared/adapters/dynamodb/relationships.ts';
import { makeDataKeys } from '#shared/adapters/kms/data-keys.ts';
import { makeMessageCipher } from '#shared/adapters/kms/message-cipher.ts';
import { parseRateLimits } from '#shared/domain/rate-limit-settings.ts';
import type { Push, Reply } from '#shared/protocol/replies.ts';
import { clock as systemClock } from '#shared/runtime/clock.ts';
import { makeAcknowledge } from '#shared/use-cases/acknowledge.ts';
import { makeChangeRelationship } from '#shared/use-cases/change-relationship.ts';
import { makeDeliverLater } from '#shared/use-cases/deliver-later.ts';
import { makeListConversations } from '#shared/use-cases/list-conversations.ts';
import { makeMarkRead } from '#shared/use-cases/mark-read.ts';
import { makeOpenConnection } from '#shared/use-cases/open-connection.ts';
import type {
  Clock,
  ConnectionGateway,
  DeliveryQueue,
  MessageCache,
  MessageCipher,
  MessageReference,
  Notifications,
  Telemetry,
} from '#shared/use-cases/ports.ts';
import { makeReadHistory } from '#shared/use-cases/read-history.ts';
import { makeReconnect } from '#shared/use-cases/reconnect.ts';
import { makeSendMessage } from '#shared/use-cases/send-message.ts';
import type { Session } from '#shared/use-cases/session.ts';
import { startTestDynamoDB } from './dynamodb.ts';

type Frame = (Reply & { requestId?: string }) | Push;

/** The far ends of connections: what was posted to each, and which of them are gone. */
export interface TestGateway extends ConnectionGateway {
  readonly frames: Map<string, Frame[]>;
  readonly gone: Set<string>;
  readonly closed: string[];
  pushes(connectionId: string): Push[];
}

/** Counters and log lines, for asserting that something was counted and that nothing secret was logged. */
export interface TestTelemetry extends Telemetry {
  readonly counts: Map<string, number>;
  readonly lines: string[];
}

export interface EnvironmentOptions {
  readonly dynamodb?: DocumentClient;
  readonly clock?: Clock;
  readonly gateway?: ConnectionGateway;
  readonly queue?: DeliveryQueue;
  readonly notifications?: Notifications;
  readonly tiers?: readonly MessageCache[];
  readonly cipher?: MessageCipher;
  readonly rateLimits?: string;
  readonly random?: () => number;
  readonly fewMailboxes?: number;
}

const generous = JSON.stringify(
  Object.fromEntries(
    ['messagesPerUser', 'messagesPerAddress', 'requestsPerUser', 'connectionsPerAddress'].map((name) => [
      name,
      { burst: 100_000, refillPerSecond: 100_000 },
    ]),
  ),
);

/** A database, a KMS and the far ends, shared by any number of execution environments of the real code. */
export async function startWorld() {
  const dynamodb = await startTestDynamoDB();
  const kms = await startKms();
  const kmsClient = new KMSClient({
    endpoint: kms.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const gateway = makeTestGateway();
  const left: MessageReference[] = [];
  const published: (MessageReference & { unread: number })[] = [];
  const telemetry = makeTestTelemetry();
  const names = dynamodb.tableNames;

  /** One execution environment: the use cases over real adapters, each with what the test puts in its place. */
  function environment(options: EnvironmentOptions = {}) {
    const client = options.dynamodb ?? dynamodb.client;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const dataKeys = makeDataKeys({
      kms: kmsClient,
      dynamodb: client,
      tableName: names.dataKeys,
      kmsKeyId: kms.keyId,
      clock,
      random,
      randomBytes,
      telemetry,
    });
    const dependencies = {
      connections: makeConnections({ dynamodb: client, tableName: names.connections, clock }),
      log: makeConversationLog({ dynamodb: client, transactions: client, tables: names, clock, random }),
      mailboxes: makeMailboxes({
        dynamodb: client,
        tableName: names.mailboxes,
        clock,
        random,
        ...(options.fewMailboxes !== undefined && { fewMailboxes: options.fewMailboxes }),
      }),
      relationships: makeRelationships({ dynamodb: client, tableName: names.relationships }),
      limiter: makeRateLimiter({
        dynamodb: client,
        tableName: names.rateLimits,
        limits: parseRateLimits(options.rateLimits ?? generous),
        clock,
        randomBytes,
        telemetry,
      }),
      cipher: options.cipher ?? makeMessageCipher({ dataKeys, randomBytes }),
      tiers: options.tiers ?? [makeMemoryCache()],
      queue: options.queue ?? { leave: async (reference: MessageReference) => void left.push(reference) },
      notifications: options.notifications ?? {
        publish: async (one: MessageReference & { unread: number }) => void published.push(one),
      },
      gateway: options.gateway ?? gateway,
      clock,
      random,
      randomBytes,
      telemetry,
    };
    return {
      ...dependencies,
      dataKeys,
      send: makeSendMessage(dependencies),
      reconnect: makeReconnect(dependencies),
      acknowledge: makeAcknowledge(dependencies),
      markRead: makeMarkRead(dependencies),
      history: makeReadHistory(dependencies),
      conversations: makeListConversations(dependencies),
      changeRelationship: makeChangeRelationship(dependencies),
      deliverLater: makeDeliverLater(dependencies),
      openConnection: makeOpenConnection(dependencies),
    };
  }

  let connections = 0;
  /** A session of `userId`, with its connection's row as `$connect` and the first `reconnect` leave it. */
  async function join(
    userId: string,
    options: { ready?: boolean; expiresAt?: number } = {},
  ): Promise<Session> {
    connections += 1;
    const session = {
      userId,
      connectionId: `connection-${connections}`,
      address: '192.0.2.1',
      expiresAt: options.expiresAt ?? Date.now() + 3_600_000,
    };
    await environment().connections.add({
      ...session,
      connectedAt: Date.now(),
      ready: options.ready ?? true,
    });
    return session;
  }

  return {
    dynamodb,
    kms,
    gateway,
    left,
    published,
    telemetry,
    environment,
    join,
    async stop() {
      kmsClient.destroy();
      await kms.stop();
      await dynamodb.stop();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

function makeTestGateway(): TestGateway {
  const frames = new Map<string, Frame[]>();
  const gone = new Set<string>();
  const closed: string[] = [];
  return {
    frames,
    gone,
    closed,
    async post(connectionId, frame) {
      if (gone.has(connectionId)) return 'gone';
      frames.set(connectionId, [...(frames.get(connectionId) ?? []), JSON.parse(frame)]);
      return 'posted';
    },
    async close(connectionId) {
      closed.push(connectionId);
      return gone.has(connectionId) ? 'gone' : 'closed';
    },
    pushes(connectionId) {
      return (frames.get(connectionId) ?? []).filter(
        (frame): frame is Push => frame.type === 'message.new' || frame.type === 'receipt',
      );
    },
  };
}

function makeTestTelemetry(): TestTelemetry {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  const line = (event: string, ...rest: unknown[]) =>
    void lines.push(`${event} ${rest.map(String).join(' ')}`);
  return {
    counts,
    lines,
    info: line,
    warn: line,
    error: line,
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
  };
}

type AnyCommand = { readonly input: unknown; readonly constructor: { readonly name: string } };

/** A document client whose every command goes through `intercept`, which may change, delay, repeat or fail it. */
export function intercepting(
  client: DocumentClient,
  intercept: (name: string, command: AnyCommand, next: () => Promise<unknown>) => Promise<unknown>,
): DocumentClient {
  const send = (command: AnyCommand) =>
    intercept(command.constructor.name, command, () => client.send(command as never) as Promise<unknown>);
  return { send } as unknown as DocumentClient;
}

/** A clock that stands still: however long a busy machine takes, nothing is late. */
export const clockAt = (now: number): Clock => ({ now: () => now, sleep: async () => {} });

/** A command's failure as the SDK throws it. */
export function sdkError(name: string, httpStatusCode: number, fields: object = {}): Error {
  return Object.assign(new Error(name), {
    name,
    $fault: httpStatusCode < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode },
    ...fields,
  });
}
