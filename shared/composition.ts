import { type ActionsOf, actions } from './actions.ts';
import type { DocumentClient } from './aws/document-client.ts';
import { type TableId, tables } from './aws/tables.ts';
import { makeMemoryCache } from './cache/memory-cache.lru.ts';
import type { MessageCache } from './cache/message-cache.ts';
import { makeAnswerPing } from './connections/answer-ping.ts';
import { makeConnectHandler } from './connections/connect-handler.ts';
import { makeConnections } from './connections/connections.dynamodb.ts';
import { makeDisconnectHandler } from './connections/disconnect-handler.ts';
import { makeManagementApi } from './connections/gateway.apigateway.ts';
import { makeOpenConnection } from './connections/open-connection.ts';
import { makeDeliverHandler } from './delivery/deliver-handler.ts';
import { makeDeliverLater } from './delivery/deliver-later.ts';
import { makeDeliveryQueue } from './delivery/delivery-queue.sqs.ts';
import { makeNotifications } from './delivery/notifications.eventbridge.ts';
import { makeDataKeys } from './keys/data-key-store.kms.ts';
import { makeMessageCipher } from './keys/message-cipher.aes.ts';
import { parseRateLimits } from './limits/rate-limit-settings.ts';
import { makeRateLimiter } from './limits/rate-limiter.dynamodb.ts';
import { parseTrustedNetworks } from './limits/trusted-networks.ts';
import { makeConversationLog } from './log/conversation-log.dynamodb.ts';
import { makeMessageIds } from './log/message-id.uuid.ts';
import { makeRepairConversation } from './log/repair-conversation.ts';
import { makeRepairStore } from './log/repair-rows.dynamodb.ts';
import { makeSendMessage, type SendDependencies } from './log/send-message.ts';
import { makeAcknowledge } from './mailboxes/acknowledge.ts';
import { makeListConversations } from './mailboxes/list-conversations.ts';
import { makeMailboxes } from './mailboxes/mailboxes.dynamodb.ts';
import { makeMarkRead } from './mailboxes/mark-read.ts';
import { makeChangeRelationship } from './members/change-relationship.ts';
import { makeRelationships } from './members/relationships.dynamodb.ts';
import { makeReadHistory } from './reading/read-history.ts';
import { makeReconnect, type ReconnectDependencies } from './resume/reconnect.ts';
import type { UseCases } from './runtime/call.ts';
import type { Clock, Random, RandomBytes } from './runtime/clock.ts';
import { makeFrameHandler } from './runtime/frame-handler.middy.ts';
import { type Environment, hoursSetting, listSetting, optionalSetting, setting } from './runtime/settings.ts';
import type { FunctionTelemetry, Telemetry } from './runtime/telemetry.ts';
import { makeAuthorizeHandler } from './sign-in/authorize-handler.ts';
import { remoteKeys } from './sign-in/issuer-keys.jose.ts';
import { makeRefusalLog } from './sign-in/refusal-log.ts';
import { makeTokenVerifier } from './sign-in/token-verifier.jose.ts';

/**
 * What every function has from outside. The Lambdas, the simulation and the tests put the same functions together with
 * their own; each function names below the clients that it needs, and its bundle holds nothing else.
 */
export interface Outside {
  readonly clock: Clock;
  readonly random: Random;
  readonly randomBytes: RandomBytes;
  readonly telemetry: FunctionTelemetry;
  /** Environment variables. */
  readonly settings: Environment;
  readonly memories?: Memories;
}

/** How much an environment remembers, where that is not as by default: a simulation has thousands of small ones. */
export interface Memories {
  readonly conversations?: number;
  readonly rateLimitKeys?: number;
  /** Milliseconds until a key is succeeded, loaded again, and let go of. */
  readonly dataKeys?: Pick<
    OptionsOf<typeof makeDataKeys>,
    'rotateAfterMs' | 'keepMs' | 'keepWhileUnreachableMs'
  >;
  /** Of whoever has fewer mailboxes, a list begins with all of them. */
  readonly fewMailboxes?: number;
}

type OptionsOf<F extends (options: never) => unknown> = Parameters<F>[0];

interface Database {
  readonly dynamodb: DocumentClient;
  /** Without retries of its own: a commit repeats itself and minds its deadline. */
  readonly transactions: DocumentClient;
}
interface Keys {
  readonly kms: OptionsOf<typeof makeDataKeys>['kms'];
}
interface Sockets {
  readonly managementApi: OptionsOf<typeof makeManagementApi>['api'];
}
interface Queue {
  readonly sqs: OptionsOf<typeof makeDeliveryQueue>['sqs'];
}
interface Events {
  readonly events: OptionsOf<typeof makeNotifications>['events'];
}
interface Tiers {
  /** The tier below an environment's own memory, if there is one. */
  readonly cache: MessageCache | undefined;
}

/** Which life of the data this is. */
const epochOf = ({ settings }: Outside): string => setting('EPOCH', settings);

const tableName = ({ settings }: Outside, id: TableId): string =>
  setting(tables[id].environmentVariable, settings);

const basisOf = (outside: Outside) => {
  const { clock, random, randomBytes, telemetry } = outside;
  return { clock, random, randomBytes, telemetry, epoch: epochOf(outside) };
};

const connectionsOf = (outside: Outside & Database) =>
  makeConnections({ ...outside, tableName: tableName(outside, 'connections') });

const gatewayOf = (outside: Outside & Sockets) =>
  makeManagementApi({ ...outside, api: outside.managementApi });

const logTables = (outside: Outside) => ({
  conversations: tableName(outside, 'conversations'),
  messages: tableName(outside, 'messages'),
  mailboxes: tableName(outside, 'mailboxes'),
});

const logOf = (outside: Outside & Database) =>
  makeConversationLog({
    ...outside,
    tables: { ...logTables(outside), relationships: tableName(outside, 'relationships') },
    rememberedIdentities: outside.memories?.conversations,
  });

const repairOf = (outside: Outside & Database) =>
  makeRepairConversation({ ...outside, store: makeRepairStore({ ...outside, tables: logTables(outside) }) });

const mailboxesOf = (outside: Outside & Database) =>
  makeMailboxes({
    ...outside,
    tableName: tableName(outside, 'mailboxes'),
    fewMailboxes: outside.memories?.fewMailboxes,
  });

const relationshipsOf = (outside: Outside & Database) =>
  makeRelationships({ ...outside, tableName: tableName(outside, 'relationships') });

const limiterOf = (outside: Outside & Database) =>
  makeRateLimiter({
    ...outside,
    tableName: tableName(outside, 'rateLimits'),
    limits: parseRateLimits(optionalSetting('RATE_LIMITS', outside.settings)),
    rememberedKeys: outside.memories?.rateLimitKeys,
  });

const dataKeysOf = (outside: Outside & Database & Keys) =>
  makeDataKeys({
    ...outside,
    tableName: tableName(outside, 'dataKeys'),
    kmsKeyId: setting('KMS_KEY_ID', outside.settings),
    rotateAfterMs: hoursSetting('DATA_KEY_HOURS', 24, outside.settings),
    ...outside.memories?.dataKeys,
  });

const cipherOf = (outside: Outside & Database & Keys) =>
  makeMessageCipher({ ...outside, dataKeys: dataKeysOf(outside) });

/** This environment's memory, then the cache if there is one. */
const tiersOf = ({ cache, memories }: Outside & Tiers): readonly MessageCache[] => [
  makeMemoryCache({ maxConversations: memories?.conversations }),
  ...(cache ? [cache] : []),
];

const queueOf = ({ sqs, settings }: Outside & Queue) =>
  makeDeliveryQueue({ sqs, queueUrl: setting('DELIVERY_QUEUE_URL', settings) });

const notificationsOf = ({ events, settings }: Outside & Events) =>
  makeNotifications({ events, eventBusName: setting('EVENT_BUS_NAME', settings) });

type FrameOutside = Outside & Database & Keys & Sockets & Tiers;

export function sendParts(outside: FrameOutside & Queue) {
  const dataKeys = dataKeysOf(outside);
  return {
    ...basisOf(outside),
    connections: connectionsOf(outside),
    log: logOf(outside),
    repair: repairOf(outside),
    limiter: limiterOf(outside),
    queue: queueOf(outside),
    tiers: tiersOf(outside),
    dataKeys,
    cipher: makeMessageCipher({ ...outside, dataKeys }),
    gateway: gatewayOf(outside),
    makeMessageId: makeMessageIds(outside.randomBytes),
  };
}

/** One that is missing does not typecheck, here and below. */
export const sendUseCases = (parts: SendDependencies): UseCases<ActionsOf<'send'>> => ({
  send: makeSendMessage(parts),
});

/** `functions/send.ts`. `warm` loads the data key ahead of the first message. */
export function composeSend(outside: FrameOutside & Queue) {
  const parts = sendParts(outside);
  const { answers } = actions.send;
  const handler = makeFrameHandler({ ...parts, useCases: sendUseCases(parts), answers });
  return { handler, warm: parts.dataKeys.warm };
}

export function reconnectParts(outside: FrameOutside) {
  return {
    ...basisOf(outside),
    connections: connectionsOf(outside),
    log: logOf(outside),
    mailboxes: mailboxesOf(outside),
    limiter: limiterOf(outside),
    tiers: tiersOf(outside),
    cipher: cipherOf(outside),
    gateway: gatewayOf(outside),
  };
}

export const reconnectUseCases = (parts: ReconnectDependencies): UseCases<ActionsOf<'reconnect'>> => ({
  reconnect: makeReconnect(parts),
});

/** `functions/reconnect.ts` */
export function composeReconnect(outside: FrameOutside) {
  const parts = reconnectParts(outside);
  const { answers } = actions.reconnect;
  return makeFrameHandler({ ...parts, useCases: reconnectUseCases(parts), answers });
}

export function syncParts(outside: FrameOutside) {
  return { ...reconnectParts(outside), relationships: relationshipsOf(outside) };
}

export const syncUseCases = (parts: ReturnType<typeof syncParts>): UseCases<ActionsOf<'sync'>> => ({
  ack: makeAcknowledge(parts),
  read: makeMarkRead(parts),
  history: makeReadHistory(parts),
  conversations: makeListConversations(parts),
  block: makeChangeRelationship(parts),
  unblock: makeChangeRelationship(parts),
  ping: makeAnswerPing(parts),
});

/** `functions/sync.ts`: the small requests. */
export function composeSync(outside: FrameOutside) {
  const parts = syncParts(outside);
  return makeFrameHandler({ ...parts, useCases: syncUseCases(parts), answers: 'respond' });
}

/** `functions/fallback.ts`: frames that no route took. Reading them tells what is wrong with them. */
export function composeFallback(outside: Outside & Database & Sockets) {
  const parts = { ...basisOf(outside), gateway: gatewayOf(outside), limiter: limiterOf(outside) };
  return makeFrameHandler({ ...parts, useCases: {}, answers: 'respond' });
}

export function connectParts(outside: Outside & Database & Sockets) {
  return {
    ...basisOf(outside),
    connections: connectionsOf(outside),
    gateway: gatewayOf(outside),
    limiter: limiterOf(outside),
    isTrusted: parseTrustedNetworks(optionalSetting('TRUSTED_NETWORKS', outside.settings)),
  };
}

/** `functions/connect.ts` */
export function composeConnect(outside: Outside & Database & Sockets) {
  return makeConnectHandler({ ...outside, openConnection: makeOpenConnection(connectParts(outside)) });
}

/** `functions/disconnect.ts` */
export function composeDisconnect(outside: Outside & Database) {
  return makeDisconnectHandler({ ...outside, connections: connectionsOf(outside) });
}

export function deliverParts(outside: Outside & Database & Keys & Sockets & Queue & Events) {
  return {
    ...basisOf(outside),
    connections: connectionsOf(outside),
    log: logOf(outside),
    mailboxes: mailboxesOf(outside),
    cipher: cipherOf(outside),
    gateway: gatewayOf(outside),
    queue: queueOf(outside),
    notifications: notificationsOf(outside),
  };
}

/** `functions/deliver.ts` */
export function composeDeliver(outside: Outside & Database & Keys & Sockets & Queue & Events) {
  const parts = deliverParts(outside);
  // Records are looked at side by side, and each has log lines of its own.
  const deliverLaterTelling = (telemetry: Telemetry) => makeDeliverLater({ ...parts, telemetry });
  return makeDeliverHandler({ ...outside, deliverLaterTelling });
}

/** `functions/authorize.ts` */
export function composeAuthorize(outside: Outside) {
  const { settings, clock } = outside;
  const keepMs = hoursSetting('TOKEN_KEYS_HOURS', 24, settings);
  const verify = makeTokenVerifier({
    issuer: setting('TOKEN_ISSUER', settings),
    audience: listSetting('TOKEN_AUDIENCE', settings),
    keys: remoteKeys(setting('TOKEN_JWKS_URI', settings), { ...outside, keepMs }),
    requiredScope: optionalSetting('TOKEN_SCOPE', settings),
    clock,
  });
  return makeAuthorizeHandler({
    ...outside,
    verify,
    tellRefusal: makeRefusalLog(outside),
    epoch: epochOf(outside),
  });
}
