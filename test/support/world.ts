import { randomBytes } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import { startKms } from '#localstack/emulators/kms/kms.ts';
import type { Action, ReplyTo, Requests } from '#shared/actions.ts';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { type TableId, tables } from '#shared/aws/tables.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import {
  connectParts,
  deliverParts,
  reconnectUseCases,
  sendParts,
  sendUseCases,
  syncParts,
  syncUseCases,
} from '#shared/composition.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import { makeOpenConnection } from '#shared/connections/open-connection.ts';
import { makeDeliverLater } from '#shared/delivery/deliver-later.ts';
import type { DeliveryQueue, MessageReference } from '#shared/delivery/delivery-queue.ts';
import type { Notification, Notifications } from '#shared/delivery/notifications.ts';
import type { MessageCipher } from '#shared/keys/message-cipher.ts';
import { chargesOf } from '#shared/limits/charges.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { defaultRateLimits } from '#shared/limits/rate-limits.ts';
import type { Push, Reply } from '#shared/protocol/replies.ts';
import type { UseCases } from '#shared/runtime/call.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import { clock as systemClock } from '#shared/runtime/system.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import type { Actor } from '#shared/sign-in/actor.ts';
import { startTestDynamoDB } from './dynamodb.ts';
import { silentTelemetry } from './telemetry.ts';

/** Who acts in a test, and over which connection. */
export interface Session extends Actor {
  readonly connectionId: string;
}

type Frame = (Reply & { requestId?: string }) | Push;

/** The far ends of connections: what was posted to each, which of them are gone, and which are not read. */
export interface TestGateway extends ConnectionGateway {
  readonly frames: Map<string, Frame[]>;
  readonly gone: Set<string>;
  readonly full: Set<string>;
  readonly closed: string[];
  pushes(connectionId: string): Push[];
}

/** Counters and log lines, for asserting that something was counted and that nothing secret was logged. */
export interface TestTelemetry extends FunctionTelemetry {
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
  readonly limiter?: RateLimiter;
  readonly rateLimits?: string;
  /** Beside those that every environment has. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly random?: () => number;
  readonly fewMailboxes?: number;
}

const generous = JSON.stringify(
  Object.fromEntries(
    Object.keys(defaultRateLimits).map((name) => [name, { burst: 100_000, refillPerSecond: 100_000 }]),
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
  const published: Notification[] = [];
  const telemetry = makeTestTelemetry();
  const tableSettings = Object.fromEntries(
    Object.entries(dynamodb.tableNames).map(([id, name]) => [
      tables[id as TableId].environmentVariable,
      name,
    ]),
  );

  /** One execution environment: the product's own composition, each part with what the test puts in its place. */
  function environment(options: EnvironmentOptions = {}) {
    const client = options.dynamodb ?? dynamodb.client;
    const outside = {
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      randomBytes,
      telemetry,
      settings: {
        ...tableSettings,
        ...places,
        KMS_KEY_ID: kms.keyId,
        RATE_LIMITS: options.rateLimits ?? generous,
        ...options.settings,
      },
      memories: { ...(options.fewMailboxes !== undefined && { fewMailboxes: options.fewMailboxes }) },
      ...{ dynamodb: client, transactions: client, kms: kmsClient, cache: undefined },
      ...{ sqs: unreachable, events: unreachable, managementApi: unreachable },
    };
    const parts = {
      ...connectParts(outside),
      ...deliverParts(outside),
      ...syncParts(outside),
      ...sendParts(outside),
      queue: options.queue ?? { leave: async (reference: MessageReference) => void left.push(reference) },
      notifications: options.notifications ?? {
        publish: async (one: Notification) => void published.push(one),
      },
      gateway: options.gateway ?? gateway,
      ...(options.cipher && { cipher: options.cipher }),
      ...(options.tiers && { tiers: options.tiers }),
      ...(options.limiter && { limiter: options.limiter }),
    };
    const useCases = { ...sendUseCases(parts), ...reconnectUseCases(parts), ...syncUseCases(parts) };
    return {
      ...parts,
      send: overConnections(useCases, 'send'),
      reconnect: overConnections(useCases, 'reconnect'),
      acknowledge: overConnections(useCases, 'ack'),
      markRead: overConnections(useCases, 'read'),
      history: overConnections(useCases, 'history'),
      conversations: overConnections(useCases, 'conversations'),
      block: overConnections(useCases, 'block'),
      unblock: overConnections(useCases, 'unblock'),
      ping: overConnections(useCases, 'ping'),
      deliverLater: makeDeliverLater(parts),
      openConnection: makeOpenConnection(parts),
    };
  }

  let connections = 0;
  /** A session of `userId`, with its connection's row as `$connect` and the first `reconnect` leave it. */
  async function join(
    userId: string,
    options: {
      ready?: boolean;
      expiresAt?: number;
      address?: string;
      epoch?: string;
      connectedAt?: number;
    } = {},
  ): Promise<Session> {
    connections += 1;
    const session = {
      userId,
      connectionId: `connection-${connections}`,
      address: options.address ?? '192.0.2.1',
      expiresAt: options.expiresAt ?? Date.now() + 3_600_000,
    };
    await environment().connections.add({
      ...session,
      connectedAt: options.connectedAt ?? Date.now(),
      ready: options.ready ?? true,
      epoch: options.epoch ?? testEpoch,
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

/** Where queue and event bus would be: tests put their own parts in the place of these. */
export const testEpoch = 'this life';
const places = { DELIVERY_QUEUE_URL: 'none', EVENT_BUS_NAME: 'none', EPOCH: testEpoch };
const unreachable = {
  send: async () => {
    throw new Error('A test has no such service.');
  },
};

/** The use case of `action`, charged and called as the frame handler does it. */
function overConnections<A extends Action>(useCases: UseCases, action: A) {
  return async (request: Requests[A], { connectionId, ...actor }: Session, requestId?: string) => {
    const reply = await useCases[action](request, {
      actor,
      connectionId,
      charges: chargesOf(action, request, actor),
      ...(requestId !== undefined && { requestId }),
    });
    return reply as ReplyTo<A>;
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;

function makeTestGateway(): TestGateway {
  const frames = new Map<string, Frame[]>();
  const gone = new Set<string>();
  const full = new Set<string>();
  const closed: string[] = [];
  return {
    frames,
    gone,
    full,
    closed,
    async post(connectionId, frame) {
      if (gone.has(connectionId)) return 'gone';
      if (full.has(connectionId)) return 'full';
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
  const telemetry: TestTelemetry = {
    ...silentTelemetry,
    counts,
    lines,
    info: line,
    warn: line,
    error: line,
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
    of: () => telemetry,
  };
  return telemetry;
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
