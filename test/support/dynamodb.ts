import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createTables } from '#localstack/emulators/dynamodb/create-tables.ts';
import { type TableId, tables } from '#shared/aws/tables.ts';

export interface TestDynamoDB {
  readonly client: DynamoDBDocumentClient;
  readonly endpoint: string;
  /** Their own for each start, so that several tests can share one `DYNAMODB_ENDPOINT`. */
  readonly tableNames: Readonly<Record<TableId, string>>;
  stop(): Promise<void>;
}

interface Server {
  readonly endpoint: string;
  stop(): Promise<void>;
}

const startAttempts = 5;
const startLimitMs = 20_000;

/**
 * Starts an empty in-memory DynamoDB on a free loopback port and creates every table of `tables.ts`; `stop` ends it.
 * With `DYNAMODB_ENDPOINT` set, the tables are made there instead, under names of their own, and `stop` deletes them.
 */
export async function startTestDynamoDB(): Promise<TestDynamoDB> {
  const external = process.env.DYNAMODB_ENDPOINT;
  const server = external ? { endpoint: external, stop: async () => {} } : await startDynoxide();
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 256 } },
  });
  const tableNames = namesForOneRun();
  const stop = async () => {
    if (external) await deleteTables(client, tableNames);
    client.destroy();
    await server.stop();
  };
  try {
    await createTables(client, tableNames);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { client: DynamoDBDocumentClient.from(client), endpoint: server.endpoint, tableNames, stop };
}

function namesForOneRun(): Record<TableId, string> {
  const run = randomUUID().slice(0, 8);
  const names = Object.keys(tables).map((id) => [id, `test-${run}-${id}`]);
  return Object.fromEntries(names) as Record<TableId, string>;
}

async function deleteTables(client: DynamoDBClient, names: Record<TableId, string>): Promise<void> {
  for (const TableName of Object.values(names)) await client.send(new DeleteTableCommand({ TableName }));
}

/** The port is chosen here, because the server does not tell which one it was given for 0; another process may take it first. */
async function startDynoxide(): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = spawn(dynoxidePath(), ['--host', '127.0.0.1', '--port', String(port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    const stop = async () => {
      process.off('exit', kill);
      await end(child);
    };
    try {
      await untilListening(child);
      return { endpoint: `http://127.0.0.1:${port}`, stop };
    } catch (error) {
      await stop();
      if (attempt === startAttempts) throw error;
    }
  }
}

function dynoxidePath(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const directory = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    return join(directory, process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide');
  } catch (cause) {
    const remedy = 'Run `npm install`, or set DYNAMODB_ENDPOINT to a DynamoDB emulator that is running.';
    throw new Error(`${name}, the DynamoDB that the tests run against, is not installed. ${remedy}`, {
      cause,
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No loopback port to be had.');
  return address.port;
}

async function untilListening(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  for (let waited = 0; waited < startLimitMs; waited += 5) {
    if (output.includes('listening on')) return;
    if (failure) throw failure;
    if (child.exitCode !== null) break;
    await sleep(5);
  }
  throw new Error(`dynoxide did not start: ${output.trim() || 'no output'}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
