import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DynamoDb, startDynamoDb } from '#localstack/emulators/dynamodb/dynamodb.ts';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import { findFreePort } from '#localstack/http/loopback-server.ts';
import { tables } from '#shared/aws/tables.ts';
import { isAlive, untilGone } from '#test/localstack/support/processes.ts';

const moduleUrl = new URL('../../../../localstack/emulators/dynamodb/dynamodb.ts', import.meta.url).href;

function connect(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ ...clientSettings(endpoint), maxAttempts: 1 });
}

describe('the tables', () => {
  let database: DynamoDb;
  let client: DynamoDBClient;
  beforeAll(async () => {
    database = await startDynamoDb();
    client = connect(database.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await database.stop();
  });

  it('are all there, under names that say what they hold', async () => {
    const { TableNames } = await client.send(new ListTablesCommand({}));
    expect(TableNames).toEqual([
      'postrider-connections',
      'postrider-conversations',
      'postrider-data-keys',
      'postrider-mailboxes',
      'postrider-messages',
      'postrider-rate-limits',
      'postrider-relationships',
    ]);
    expect(new Set(Object.values(database.tableNames))).toEqual(new Set(TableNames));
    expect(database.tableNames.dataKeys).toBe('postrider-data-keys');
  });

  it.each(Object.entries(tables))(
    '%s has its keys, index, on-demand billing and time to live',
    async (id, definition) => {
      const TableName = database.tableNames[id as keyof typeof tables];
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      const keys = [definition.partitionKey, ...('sortKey' in definition ? [definition.sortKey] : [])];
      expect(Table?.KeySchema).toEqual(
        keys.map(({ name }, at) => ({ AttributeName: name, KeyType: at === 0 ? 'HASH' : 'RANGE' })),
      );
      const index = 'index' in definition ? definition.index : undefined;
      const attributes = index === undefined ? keys : [...keys, index.sortKey];
      expect(new Set(Table?.AttributeDefinitions)).toEqual(
        new Set(attributes.map(({ name, type }) => ({ AttributeName: name, AttributeType: type }))),
      );
      expect(Table?.LocalSecondaryIndexes?.map(({ IndexName }) => IndexName)).toEqual(
        index === undefined ? undefined : [index.name],
      );
      expect(Table?.TableStatus).toBe('ACTIVE');
      expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
      const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
      expect(TimeToLiveDescription?.AttributeName).toBe(
        'timeToLive' in definition ? definition.timeToLive : undefined,
      );
    },
  );

  it('are kept by another start against the same database', async () => {
    const row = { key: { S: 'user#alice' }, tat: { N: '7' } };
    await client.send(new PutItemCommand({ TableName: database.tableNames.rateLimits, Item: row }));
    const again = await startDynamoDb({ endpoint: database.endpoint });
    expect(again).toMatchObject({ endpoint: database.endpoint, pid: undefined });
    await again.stop();
    const { Item } = await client.send(
      new GetItemCommand({ TableName: database.tableNames.rateLimits, Key: { key: row.key } }),
    );
    expect(Item).toEqual(row);
  });
});

describe('its life', () => {
  let directory: string;
  const running: DynamoDb[] = [];
  const start: typeof startDynamoDb = async (options) => {
    const database = await startDynamoDb(options);
    running.push(database);
    return database;
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'postrider-dynamodb-'));
  });
  afterEach(async () => {
    for (const database of running.splice(0)) await database.stop();
    await rm(directory, { recursive: true });
  });

  it('ends when it is told to, without calling that a crash', async () => {
    const crashes: Error[] = [];
    const database = await start({ onCrash: (error) => crashes.push(error) });
    expect(new URL(database.endpoint).hostname).toBe('127.0.0.1');
    await database.stop();
    await sleep(50);
    expect(isAlive(database.pid ?? 0)).toBe(false);
    expect(crashes).toEqual([]);
  });

  it('reports a crash, and who it was', async () => {
    const crash = Promise.withResolvers<Error>();
    const database = await start({ onCrash: crash.resolve });
    process.kill(database.pid ?? 0, 'SIGKILL');
    expect((await crash.promise).message).toMatch(
      new RegExp(
        `^The local DynamoDB \\(dynoxide, process ${database.pid}\\) ended unexpectedly, by SIGKILL\\.`,
      ),
    );
  });

  it('keeps every acknowledged write over a SIGKILL and a new start', async () => {
    const file = join(directory, 'dynamodb.sqlite');
    let database = await start({ file });
    let client = connect(database.endpoint);
    const TableName = database.tableNames.messages;
    const acknowledged: number[] = [];
    const write = async (worker: number) => {
      for (let seq = 1; ; seq++) {
        const Item = { conversationId: { S: `c${worker}` }, seq: { N: String(seq) } };
        await client.send(new PutItemCommand({ TableName, Item }));
        acknowledged[worker] = seq;
      }
    };
    const writers = [0, 1, 2, 3].map((worker) => write(worker).catch(() => undefined));
    while (acknowledged.reduce((sum, seq) => sum + seq, 0) < 100) await sleep(5);
    process.kill(database.pid ?? 0, 'SIGKILL');
    await Promise.all(writers);
    client.destroy();

    database = await start({ file });
    client = connect(database.endpoint);
    for (const [worker, last] of acknowledged.entries())
      for (let seq = 1; seq <= last; seq++) {
        const Key = { conversationId: { S: `c${worker}` }, seq: { N: String(seq) } };
        const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
        expect(Item).toEqual(Key);
      }
    client.destroy();
  });

  it('does not outlive a parent that is killed without a chance to clean up', async () => {
    const script = join(directory, 'parent.mjs');
    await writeFile(
      script,
      `import { startDynamoDb } from ${JSON.stringify(moduleUrl)};
       console.log((await startDynamoDb()).pid);`,
    );
    const parent = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: join(import.meta.dirname, '../../../..'),
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await untilGone(pid);
  });

  it('can come back on the port that it had', async () => {
    const port = await findFreePort();
    const first = await start({ port });
    await first.stop();
    expect((await start({ port })).endpoint).toBe(first.endpoint);
  });

  it('does not take the database of somebody else for its own when the port is taken', async () => {
    const first = await start();
    const port = Number(new URL(first.endpoint).port);
    await expect(start({ port })).rejects.toThrow(/ended unexpectedly.*already in use/);
  });

  it('refuses a file that it cannot open', async () => {
    await expect(start({ file: join(directory, 'none', 'dynamodb.sqlite') })).rejects.toThrow(
      /dynoxide.*ended unexpectedly/,
    );
  });

  it('refuses a DYNAMODB_ENDPOINT where nobody answers', async () => {
    const endpoint = `http://127.0.0.1:${await findFreePort()}`;
    await expect(start({ endpoint })).rejects.toThrow(`DYNAMODB_ENDPOINT=${endpoint} cannot be used`);
  });
});
