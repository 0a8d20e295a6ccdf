import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import type { FunctionName } from '#infra/function-needs.ts';
import { readSettings } from '#infra/settings.ts';
import { attempt, type Client } from '#test/contract/support/client.ts';
import type { Frame } from '#test/contract/support/inbox.ts';
import type { Resources } from './grants.ts';
import { endEnvironments, invoke } from './root-calls.ts';

type Row = Record<string, unknown>;

/** Long enough to open twenty connections side by side. */
const shortLifeSeconds = 5;

/** What probes are made of: clients, and the account's root, who may look into tables and start functions anew. */
export type ProbeWorld = ReturnType<typeof makeProbeWorld>;

export const newUser = (name = 'user') => `${name}-${randomUUID()}`;

/** A reply in one word: its type, or an error's code. */
export const said = (frame: Frame): string => String(frame.type === 'error' ? frame.code : frame.type);

export function makeProbeWorld(url: string, tokenUrl: string, resources: Resources) {
  const clients = new Set<Client>();
  const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({}));
  const sqs = new SQSClient({});
  const idOf = (logicalId: string): string => {
    const id = resources.get(logicalId);
    if (id === undefined) throw new Error(`The deployment has no ${logicalId}.`);
    return id;
  };
  const functionOf = (name: FunctionName) =>
    idOf(`Functions${name[0]?.toUpperCase()}${name.slice(1)}Function`);

  /** A connection, or `refused`. The limit of this one address is waited for. */
  async function tryToOpen(user: string, ttlSeconds = 3_600): Promise<Client | 'refused'> {
    const token = await (await fetch(`${tokenUrl}?user=${user}&ttl=${ttlSeconds}`)).text();
    for (;;) {
      const handshake = await attempt(url, { headers: { Authorization: `Bearer ${token.trim()}` } });
      if (handshake.opened) {
        clients.add(handshake.client);
        return handshake.client;
      }
      if (handshake.status !== 429) return 'refused';
      await sleep(1000 * Number(handshake.headers['retry-after'] ?? 1));
    }
  }

  async function open(user: string, ttlSeconds?: number): Promise<Client> {
    const client = await tryToOpen(user, ttlSeconds);
    if (client === 'refused') throw new Error('The handshake was refused.');
    return client;
  }

  /** A connection that receives pushes. */
  async function live(user: string, ttlSeconds?: number): Promise<Client> {
    const client = await open(user, ttlSeconds);
    const done = await client.request({ action: 'reconnect', positions: {}, only: true });
    if (done.type !== 'reconnect.done') throw new Error(`reconnect was answered ${said(done)}.`);
    return client;
  }

  const overdue: Client[] = [];
  /** A connection whose token has expired since it opened. They are made together, because their time is waited for. */
  async function expired(): Promise<Client> {
    if (overdue.length === 0) {
      const lastExpiry = Date.now() + 1000 * shortLifeSeconds;
      overdue.push(
        ...(await Promise.all(Array.from({ length: 20 }, () => open(newUser(), shortLifeSeconds)))),
      );
      for (const client of overdue) clients.delete(client);
      await sleep(lastExpiry + 2_000 - Date.now());
    }
    return overdue.pop() ?? (await expired());
  }

  // The one of a deployment that names none.
  const { epoch } = readSettings({});
  const queue = () => ({ QueueUrl: idOf('LaterDeliveryQueue') });
  const table = {
    get: async (name: string, Key: Row) =>
      (await dynamodb.send(new GetCommand({ TableName: idOf(name), Key, ConsistentRead: true }))).Item,
    put: async (name: string, Item: Row) =>
      void (await dynamodb.send(new PutCommand({ TableName: idOf(name), Item }))),
    remove: async (name: string, Key: Row) =>
      void (await dynamodb.send(new DeleteCommand({ TableName: idOf(name), Key }))),
  };

  return {
    tryToOpen,
    open,
    live,
    expired,
    table,
    epoch,
    /** The ids of a user's connections, as the table has them. */
    connectionsOf: async (userId: string): Promise<string[]> => {
      const { Items = [] } = await dynamodb.send(
        new QueryCommand({
          TableName: idOf('TablesConnections'),
          KeyConditionExpression: 'userId = :userId',
          ExpressionAttributeValues: { ':userId': userId },
          ConsistentRead: true,
        }),
      );
      return Items.map(({ connectionId }) => String(connectionId));
    },
    /** Puts the row of a connection that does not exist any more, ready for pushes. */
    addGoneConnection: async (userId: string): Promise<Row> => {
      const key = { userId, connectionId: `${randomUUID().slice(0, 14)}=` };
      const rest = {
        address: '127.0.0.1',
        connectedAt: Date.now(),
        expiresAt: Date.now() + 3_600_000,
        ready: true,
        epoch,
      };
      await table.put('TablesConnections', { ...key, ...rest });
      return key;
    },
    startAnew: (name: FunctionName) => endEnvironments(functionOf(name)),
    invoke: (name: FunctionName, event: unknown) => invoke(functionOf(name), event),
    emptyQueue: async () => void (await sqs.send(new PurgeQueueCommand(queue()))),
    queued: async (): Promise<number> => {
      const all = new GetQueueAttributesCommand({ ...queue(), AttributeNames: ['All'] });
      const { Attributes = {} } = await sqs.send(all);
      const {
        ApproximateNumberOfMessages: visible = 0,
        ApproximateNumberOfMessagesDelayed: delayed = 0,
        ApproximateNumberOfMessagesNotVisible: taken = 0,
      } = Attributes;
      return Number(visible) + Number(delayed) + Number(taken);
    },
    /** Closes what a probe has opened. */
    closeAll: async (): Promise<void> => {
      const opened = [...clients];
      clients.clear();
      await Promise.all(opened.map((client) => client.close()));
    },
    closeExpired: async () => void (await Promise.all(overdue.map((client) => client.close()))),
  };
}
