import type { SendMessageCommand } from '@aws-sdk/client-sqs';
import { tables } from '#shared/aws/tables.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import {
  composeConnect,
  composeDeliver,
  composeDisconnect,
  composeFallback,
  composeReconnect,
  composeSend,
  composeSync,
  sendParts,
} from '#shared/composition.ts';
import type { SocketEvent, SocketResult } from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
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
  readonly telemetry: FunctionTelemetry;
  /** The setting EPOCH. */
  readonly epoch: string;
  /** The setting RATE_LIMITS. */
  readonly rateLimits: string | undefined;
  readonly rotateAfterMs: number;
  readonly keepMs: number;
}

const settings = {
  ...Object.fromEntries(
    Object.entries(tables).map(([id, { environmentVariable }]) => [environmentVariable, id]),
  ),
  KMS_KEY_ID: 'alias/postrider',
  DELIVERY_QUEUE_URL: 'queue',
  EVENT_BUS_NAME: 'bus',
};

/** A run has few users: what is forgotten here is forgotten before its time, and memories of 10,000 take long to make. */
const remembered = 3;

/** An SDK client as far as the product uses one, with the time limits and attempts of `shared/aws/clients.ts`. */
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

/** All that a function reaches from one execution environment; each takes what it needs. */
function outsideOf(sandbox: Sandbox, surroundings: Surroundings) {
  const { wire, telemetry, sharedCache, rateLimits, epoch, rotateAfterMs, keepMs } = surroundings;
  const { clock, random, randomBytes } = sandbox;
  const client = (service: Service, timeoutMs: number, maxAttempts: number) =>
    clientOf(sandbox, wire, service, timeoutMs, maxAttempts);
  return {
    ...{ clock, random, randomBytes, telemetry },
    settings: { ...settings, RATE_LIMITS: rateLimits, EPOCH: epoch },
    memories: {
      conversations: remembered,
      rateLimitKeys: remembered,
      dataKeys: { rotateAfterMs, keepMs, keepWhileUnreachableMs: 4 * keepMs },
    },
    dynamodb: client(surroundings.dynamodb, 2_000, 3),
    transactions: client(surroundings.dynamodb, 2_000, 1),
    kms: client(surroundings.kms, 2_000, 3),
    sqs: queueClient(client(surroundings.queue, 1_000, 2), surroundings),
    events: client(surroundings.events, 2_000, 3),
    managementApi: client(surroundings.gateway, 1_200, 1),
    cache: sharedCache?.(sandbox),
  };
}

/** Tells of each witness that sets out. */
function queueClient(
  { send }: { send: (command: SendMessageCommand) => never },
  { onWitness }: Surroundings,
) {
  return {
    send: ((command: SendMessageCommand) => {
      onWitness(command.input.MessageBody ?? '');
      return send(command);
    }) as never,
  };
}

type SocketFunction = (event: SocketEvent) => Promise<SocketResult>;
type FrameHandler = ReturnType<typeof composeSync>;

/** Lambda's own: the functions use nothing of it here. */
const context = {} as Parameters<FrameHandler>[1];
const withContext =
  (handler: FrameHandler): SocketFunction =>
  async (event) =>
    (await handler({ ...event } as never, context)) as SocketResult;

/** The functions of `functions/`, put together as there, each in an environment of its own. */
export const functions = {
  send: (...environment: Environment) => withContext(composeSend(outsideOf(...environment)).handler),
  reconnect: (...environment: Environment) => withContext(composeReconnect(outsideOf(...environment))),
  sync: (...environment: Environment) => withContext(composeSync(outsideOf(...environment))),
  fallback: (...environment: Environment) => withContext(composeFallback(outsideOf(...environment))),
  connect: (...environment: Environment): SocketFunction => composeConnect(outsideOf(...environment)),
  disconnect: (...environment: Environment): SocketFunction => composeDisconnect(outsideOf(...environment)),
  /** The repair of a conversation, as whoever restores tables calls it. */
  repair: (...environment: Environment) => sendParts(outsideOf(...environment)).repair,
  deliver: (...environment: Environment) => {
    const handler = composeDeliver(outsideOf(...environment));
    /** The ids of the records that are to come again. */
    return async (records: readonly QueueRecord[]): Promise<string[]> => {
      const { batchItemFailures } = await handler({
        Records: records.map(({ messageId, body }) => ({ messageId, body })),
      });
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    };
  },
};

type Environment = [sandbox: Sandbox, surroundings: Surroundings];
