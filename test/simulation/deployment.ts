import type { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import { makeConnections } from '#shared/connections/connections.dynamodb.ts';
import { makeManagementApi } from '#shared/connections/gateway.apigateway.ts';
import { makeOpenConnection } from '#shared/connections/open-connection.ts';
import { makeDeliverLater } from '#shared/delivery/deliver-later.ts';
import { makeDeliveryQueue, maxReceiveCount, parseReference } from '#shared/delivery/delivery-queue.sqs.ts';
import { makeNotifications } from '#shared/delivery/notifications.eventbridge.ts';
import { makeDataKeys } from '#shared/keys/data-key-store.kms.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { makeRateLimiter } from '#shared/limits/rate-limiter.dynamodb.ts';
import { makeConversationLog } from '#shared/log/conversation-log.dynamodb.ts';
import { makeSendMessage } from '#shared/log/send-message.ts';
import { makeAcknowledge } from '#shared/mailboxes/acknowledge.ts';
import { makeListConversations } from '#shared/mailboxes/list-conversations.ts';
import { makeMailboxes } from '#shared/mailboxes/mailboxes.dynamodb.ts';
import { makeMarkRead } from '#shared/mailboxes/mark-read.ts';
import { makeChangeRelationship } from '#shared/members/change-relationship.ts';
import { makeRelationships } from '#shared/members/relationships.dynamodb.ts';
import { makeReadHistory } from '#shared/reading/read-history.ts';
import { makeReconnect } from '#shared/resume/reconnect.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import { type SocketEvent, type SocketResult, sessionOf } from '#shared/runtime/socket-event.ts';
import type { FlushableTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import type { QueueRecord } from './aws/queue.ts';
import type { Answer, Wire } from './aws/wire.ts';
import type { Sandbox } from './sandbox.ts';

interface Service {
  perform(command: unknown, answer: Answer<unknown>): void;
}

/** Everything outside of the functions, and how they are set. */
export interface Surroundings {
  readonly wire: Wire;
  readonly dynamodb: Service;
  readonly kms: Service;
  readonly queue: Service;
  /** Told of the body of each message as it sets out for the queue. */
  readonly onWitness: (body: string) => void;
  readonly events: Service;
  readonly gateway: Service;
  readonly sharedCache: ((sandbox: Sandbox) => MessageCache) | undefined;
  readonly telemetry: FlushableTelemetry;
  /** The setting RATE_LIMITS. */
  readonly rateLimits: string | undefined;
  readonly rotateAfterMs: number;
  readonly keepMs: number;
}

const tableNames = {
  conversations: 'conversations',
  messages: 'messages',
  mailboxes: 'mailboxes',
  relationships: 'relationships',
};

/** A run has few users: what is forgotten here is forgotten before its time, and memories of 10,000 take long to make. */
const remembered = 3;

/** An SDK client as far as the product uses one, with the time limits and attempts of `runtime/clients.ts`. */
function clientOf(sandbox: Sandbox, wire: Wire, service: Service, timeoutMs: number, maxAttempts: number) {
  const send = (command: object) =>
    wire.call(sandbox, {
      name: command.constructor.name.replace('Command', ''),
      timeoutMs,
      maxAttempts,
      perform: (answer) => service.perform(command, answer),
    });
  return { send } as unknown as { send: never };
}

/** The parts of one execution environment, each made as `runtime/parts.ts` does, and only where it is needed. */
function makeParts(sandbox: Sandbox, surroundings: Surroundings) {
  const { wire, telemetry, sharedCache } = surroundings;
  const { clock, random, randomBytes } = sandbox;
  const client = (service: Service, timeoutMs: number, maxAttempts: number) =>
    clientOf(sandbox, wire, service, timeoutMs, maxAttempts);
  const dynamodb: DocumentClient = client(surroundings.dynamodb, 2_000, 3);
  const transactions: DocumentClient = client(surroundings.dynamodb, 2_000, 1);
  const basis = { clock, random, randomBytes, telemetry };
  return {
    basis,
    connections: () => makeConnections({ dynamodb, tableName: 'connections', clock }),
    log: () =>
      makeConversationLog({
        ...{ dynamodb, transactions, tables: tableNames, clock, random },
        rememberedIdentities: remembered,
      }),
    mailboxes: () => makeMailboxes({ dynamodb, tableName: 'mailboxes', clock, random }),
    relationships: () => makeRelationships({ dynamodb, tableName: 'relationships' }),
    limiter: () =>
      makeRateLimiter({
        ...basis,
        dynamodb,
        tableName: 'rateLimits',
        rememberedKeys: remembered,
        limits: parseRateLimits(surroundings.rateLimits),
      }),
    cipher: () => {
      const dataKeys = makeDataKeys({
        ...basis,
        kms: client(surroundings.kms, 2_000, 3),
        dynamodb,
        tableName: 'dataKeys',
        kmsKeyId: 'alias/postrider',
        rotateAfterMs: surroundings.rotateAfterMs,
        keepMs: surroundings.keepMs,
        keepWhileUnreachableMs: 4 * surroundings.keepMs,
      });
      return makeMessageCipher({ dataKeys, randomBytes });
    },
    tiers: () => [
      makeMemoryCache({ maxConversations: remembered }),
      ...(sharedCache ? [sharedCache(sandbox)] : []),
    ],
    queue: () => {
      const { send } = client(surroundings.queue, 1_000, 2) as {
        send: (command: SendMessageCommand) => never;
      };
      const sqs = {
        send: ((command: SendMessageCommand) => {
          surroundings.onWitness(command.input.MessageBody ?? '');
          return send(command);
        }) as never,
      };
      return makeDeliveryQueue({ sqs, queueUrl: 'queue' });
    },
    notifications: () =>
      makeNotifications({ events: client(surroundings.events, 2_000, 3), eventBusName: 'bus' }),
    gateway: () => makeManagementApi({ api: client(surroundings.gateway, 1_200, 1), clock, random }),
  };
}

type FrameFunction = (event: SocketEvent) => Promise<SocketResult>;

/** The functions of `functions/`, each made in an environment of its own. */
export const functions = {
  send: (sandbox: Sandbox, surroundings: Surroundings): FrameFunction => {
    const { basis, ...parts } = makeParts(sandbox, surroundings);
    const { connections, log, limiter, queue, tiers, cipher, gateway } = parts;
    const dependencies = {
      ...basis,
      ...{ connections: connections(), log: log(), limiter: limiter(), queue: queue() },
      ...{ tiers: tiers(), cipher: cipher(), gateway: gateway() },
    };
    return frameFunction(dependencies, { send: makeSendMessage(dependencies) }, 'respond');
  },
  reconnect: (sandbox: Sandbox, surroundings: Surroundings): FrameFunction => {
    const { basis, ...parts } = makeParts(sandbox, surroundings);
    const { connections, log, mailboxes, limiter, tiers, cipher, gateway } = parts;
    const dependencies = {
      ...basis,
      ...{ connections: connections(), log: log(), mailboxes: mailboxes(), limiter: limiter() },
      ...{ tiers: tiers(), cipher: cipher(), gateway: gateway() },
    };
    return frameFunction(dependencies, { reconnect: makeReconnect(dependencies) }, 'post');
  },
  sync: (sandbox: Sandbox, surroundings: Surroundings): FrameFunction => {
    const { basis, ...parts } = makeParts(sandbox, surroundings);
    const { connections, log, mailboxes, relationships, limiter, tiers, cipher, gateway } = parts;
    const dependencies = {
      ...basis,
      ...{ connections: connections(), log: log(), mailboxes: mailboxes(), relationships: relationships() },
      ...{ limiter: limiter(), tiers: tiers(), cipher: cipher(), gateway: gateway() },
    };
    const changeRelationship = makeChangeRelationship(dependencies);
    const useCases = {
      ack: makeAcknowledge(dependencies),
      read: makeMarkRead(dependencies),
      history: makeReadHistory(dependencies),
      conversations: makeListConversations(dependencies),
      block: changeRelationship,
      unblock: changeRelationship,
    };
    return frameFunction(dependencies, useCases, 'respond');
  },
  connect: (sandbox: Sandbox, surroundings: Surroundings): FrameFunction => {
    const { basis, connections, limiter, gateway } = makeParts(sandbox, surroundings);
    const dependencies = {
      ...basis,
      connections: connections(),
      limiter: limiter(),
      gateway: gateway(),
    };
    const openConnection = makeOpenConnection(dependencies);
    return async (event) => {
      const { connectedAt } = event.requestContext;
      const connection = { ...sessionOf(event), connectedAt, ready: false };
      return { statusCode: (await openConnection(connection)).opened ? 200 : 429 };
    };
  },
  disconnect: (sandbox: Sandbox, surroundings: Surroundings): FrameFunction => {
    const connections = makeParts(sandbox, surroundings).connections();
    return async (event) => {
      await connections.remove(sessionOf(event));
      return { statusCode: 200 };
    };
  },
  deliver: (sandbox: Sandbox, surroundings: Surroundings) => {
    const { basis, ...parts } = makeParts(sandbox, surroundings);
    const { connections, log, mailboxes, cipher, gateway, notifications } = parts;
    const deliverLater = makeDeliverLater({
      ...basis,
      ...{ connections: connections(), log: log(), mailboxes: mailboxes(), cipher: cipher() },
      ...{ gateway: gateway(), notifications: notifications() },
    });
    /** The ids of the records that are to come again. */
    return async (records: readonly QueueRecord[]): Promise<string[]> => {
      const again = await Promise.all(
        records.map(async ({ messageId, body, receives }) => {
          try {
            const isLast = receives >= maxReceiveCount;
            return (await deliverLater(parseReference(body), isLast)) ? [] : [messageId];
          } catch (error) {
            basis.telemetry.error('later delivery failed', error, { messageId });
            return [messageId];
          }
        }),
      );
      return again.flat();
    };
  },
};

type FrameOptions = Parameters<typeof makeFrameHandler>[0];

function frameFunction(
  { gateway, clock, telemetry }: Pick<FrameOptions, 'gateway' | 'clock' | 'telemetry'>,
  useCases: FrameOptions['useCases'],
  answers: FrameOptions['answers'],
): FrameFunction {
  const handler = makeFrameHandler({ useCases, gateway, clock, telemetry, answers });
  const context = {} as Parameters<typeof handler>[1];
  return async (event) => (await handler({ ...event } as never, context)) as SocketResult;
}
