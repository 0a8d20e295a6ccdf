import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTables, nameTables, type TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import { findDatabase } from '#localstack/emulators/dynamodb/find-database.ts';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { loopback } from '#localstack/http/loopback-server.ts';
import { findPlaceWithoutBrowsers } from '#localstack/http/port-without-browsers.ts';
import {
  type ProcessExit,
  type SupervisedProcess,
  startSupervised,
} from '#localstack/processes/supervised-process.ts';

export interface DynamoDb {
  readonly endpoint: string;
  readonly tableNames: TableNames;
  /** Of the database's process; undefined if it is not ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

export interface DynamoDbOptions {
  /** Where it keeps its data; memory without it. */
  readonly file?: string;
  /** By default a free one that browsers do not connect to: dynoxide itself answers any page. */
  readonly port?: number;
  /** A directory to remove after the database has ended, even if this process is killed. */
  readonly removeAfterwards?: string;
  /** A DynamoDB to use instead of starting one. From `DYNAMODB_ENDPOINT` by default. */
  readonly endpoint?: string | undefined;
  /** Called once if the database ends without having been told to. */
  onCrash?(error: Error): void;
}

const tablePrefix = 'postrider';
const startTimeoutMs = 20_000;
const startAttempts = 3;

/**
 * Starts a DynamoDB on loopback, out of reach of web pages, with every table of ours in it. It ends when this process ends,
 * even by SIGKILL.
 */
export async function startDynamoDb(options: DynamoDbOptions = {}): Promise<DynamoDb> {
  const external = options.endpoint ?? process.env.DYNAMODB_ENDPOINT;
  if (external) return useExternal(external);
  const { process: database, endpoint } = await startDatabase(options, startAttempts);
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await database.stop();
  };
  try {
    const tableNames = await prepareTables(endpoint);
    void database.exited.then((exit) => {
      if (!stopping) options.onCrash?.(crashed(database, exit));
    });
    return { endpoint, tableNames, pid: database.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function useExternal(endpoint: string): Promise<DynamoDb> {
  try {
    const tableNames = await prepareTables(endpoint);
    return { endpoint, tableNames, pid: undefined, stop: async () => undefined };
  } catch (cause) {
    throw new Error(`DYNAMODB_ENDPOINT=${endpoint} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

async function prepareTables(endpoint: string): Promise<TableNames> {
  const client = new DynamoDBClient(clientSettings(endpoint));
  try {
    const names = nameTables(tablePrefix);
    await createTables(client, names);
    return names;
  } finally {
    client.destroy();
  }
}

async function startDatabase(
  options: DynamoDbOptions,
  attempts: number,
): Promise<{ process: SupervisedProcess; endpoint: string }> {
  const { host, port } =
    options.port === undefined ? await findPlaceWithoutBrowsers() : { host: loopback, port: options.port };
  const database = await startSupervised(
    findDatabase(),
    [
      ...['--host', host, '--port', String(port)],
      ...(options.file === undefined ? [] : ['--db-path', options.file]),
    ],
    options.removeAfterwards === undefined ? {} : { removeAfterwards: options.removeAfterwards },
  );
  const endpoint = `http://${host}:${port}`;
  const given = new AbortController();
  const outcome = await Promise.race([database.exited, waitUntilHealthy(database, endpoint, given.signal)]);
  given.abort();
  if (outcome === 'healthy') return { process: database, endpoint };
  await database.stop();
  // Another process took the port between our look and the database's.
  if (options.port === undefined && attempts > 1 && /already in use/.test(database.output()))
    return startDatabase(options, attempts - 1);
  throw outcome === 'silent'
    ? new Error(`The local DynamoDB did not answer within ${startTimeoutMs / 1000} s. ${database.output()}`)
    : crashed(database, outcome);
}

async function waitUntilHealthy(
  database: SupervisedProcess,
  endpoint: string,
  giveUp: AbortSignal,
): Promise<'healthy' | 'silent'> {
  const deadline = performance.now() + startTimeoutMs;
  while (!giveUp.aborted && performance.now() < deadline) {
    // Its own word first: whoever answers on this port might be the database of somebody who was quicker.
    if (database.output().includes(`listening on ${endpoint}`) && (await isHealthy(endpoint)))
      return 'healthy';
    await sleep(10);
  }
  return 'silent';
}

/** Not by `fetch`, which keeps away from these ports as browsers do. */
async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const asking = request(endpoint, { agent: false, signal: AbortSignal.timeout(2_000) }).end();
    const [health]: IncomingMessage[] = await once(asking, 'response');
    return health?.statusCode === 200 && (await text(health)).startsWith('healthy: dynamodb');
  } catch {
    return false;
  }
}

function crashed(database: SupervisedProcess, exit: ProcessExit): Error {
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`;
  return new Error(
    `The local DynamoDB (dynoxide, process ${database.pid}) ended unexpectedly, ${how}. ${database.output()}`.trim(),
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
