import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand, KMSClient, ListAliasesCommand } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { makeCdk } from '#localstack/deploy-gate/cdk.ts';
import { type Deployment, deploy } from '#localstack/deploy-gate/deploy.ts';
import { readEmulation } from '#localstack/deploy-gate/emulation.ts';
import { attempt, type Client } from '#test/contract/support/client.ts';

// Each of them runs the CDK several times.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

/**
 * The life of one deployment, from test to test in this order: made, made again, changed, taken down, made again, taken
 * down with its data. It is a second one beside the one of the other tests, which stays.
 */
const name = `Life${randomUUID().slice(0, 8)}`;
const tokenUrl = process.env.POSTRIDER_TOKEN_URL ?? '';
const dynamodb = new DynamoDBClient({});
const kms = new KMSClient({});
const [alice, bob] = [`alice-${randomUUID()}`, `bob-${randomUUID()}`];
const clients: Client[] = [];

let directory = '';
let made: Deployment;
let conversationId = '';

const optionsWith = (...settings: string[]) => ({
  emulation: readEmulation(process.env),
  environment: {},
  directory,
  settings: [`postrider:name=${name}`, ...settings],
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-lifecycle-'));
  made = await deploy(optionsWith());
  const client = await connect(made.url, alice);
  const sent = await client.request({ action: 'send', recipientId: bob, content: 'to be kept' });
  ({ conversationId } = sent.message as { conversationId: string });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function connect(url: string, user: string): Promise<Client> {
  const token = await (await fetch(`${tokenUrl}?user=${user}`)).text();
  const handshake = await attempt(url, { headers: { Authorization: `Bearer ${token.trim()}` } });
  if (!handshake.opened) throw new Error(`The handshake was refused with ${handshake.status}.`);
  clients.push(handshake.client);
  return handshake.client;
}

async function contentsSeenBy(client: Client): Promise<unknown[]> {
  const history = await client.request({ action: 'history', conversationId });
  return ((history.messages ?? []) as { content: unknown }[]).map(({ content }) => content);
}

async function tablesOfDeployment(): Promise<string[]> {
  const { TableNames = [] } = await dynamodb.send(new ListTablesCommand({}));
  return TableNames.filter((table) => table.startsWith(name)).sort();
}

async function rowsOf(word: string): Promise<number> {
  const TableName = (await tablesOfDeployment()).find((table) => table.includes(word));
  const { Count = 0 } = await dynamodb.send(new ScanCommand({ TableName, Select: 'COUNT' }));
  return Count;
}

async function keyOfDeployment(): Promise<string> {
  const { Aliases = [] } = await kms.send(new ListAliasesCommand({}));
  const alias = Aliases.find(({ AliasName }) => AliasName === `alias/${name.toLowerCase()}-content`);
  if (alias?.TargetKeyId === undefined) throw new Error(`No alias of a key of ${name}.`);
  return alias.TargetKeyId;
}

async function stateOfKey(KeyId: string): Promise<string | undefined> {
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  return KeyMetadata?.KeyState;
}

test('deploying twice changes nothing', async () => {
  const again = await deploy(optionsWith());
  expect(again.report).toContain(`${name}-Data (no changes)`);
  expect(again.report).toContain(`${name}-Messaging (no changes)`);
  expect(again.outputs).toEqual(made.outputs);
});

test('an update of the functions keeps the URL, the messages and the connections', async () => {
  const before = await connect(made.url, bob);
  const updated = await deploy(optionsWith('postrider:logLevel=DEBUG'));
  expect(updated.report).not.toContain(`${name}-Messaging (no changes)`);
  expect(updated.url).toBe(made.url);
  expect(await contentsSeenBy(before)).toEqual(['to be kept']);
  expect(await contentsSeenBy(await connect(updated.url, bob))).toEqual(['to be kept']);
});

test('an issuer of one’s own takes the place of the user pool in two steps: the service first', async () => {
  const options = optionsWith('postrider:issuer=https://login.example.com', 'postrider:audience=chat');
  // Both at once is refused by CloudFormation, because the service still imports the pool; the emulator lets it pass.
  await makeCdk(options)('deploy', `${name}-Messaging`, '--exclusively', '--require-approval', 'never');
  const without = await deploy(options);
  expect(without.outputs).not.toHaveProperty('UserPoolId');
  expect(await contentsSeenBy(await connect(without.url, bob))).toEqual(['to be kept']);
});

test('taking the service down leaves the tables, and a new service opens what is in them', async () => {
  const tables = await tablesOfDeployment();
  expect(tables.length).toBeGreaterThan(3);
  await makeCdk(optionsWith())('destroy', `${name}-Messaging`, '--force');
  await expect(connect(made.url, bob)).rejects.toThrow();
  expect(await tablesOfDeployment()).toEqual(tables);
  expect(await rowsOf('Messages')).toBe(1);
  made = await deploy(optionsWith());
  expect(await contentsSeenBy(await connect(made.url, bob))).toEqual(['to be kept']);
});

test('taking everything down needs keepData=false first, and leaves no table', async () => {
  const refused = makeCdk(optionsWith())('destroy', '--all', '--force');
  await expect(refused).rejects.toThrow(/-Data\S* cannot be deleted while TerminationProtection is enabled/);
  expect(await rowsOf('Messages')).toBe(1);
  const key = await keyOfDeployment();
  expect(await stateOfKey(key)).toBe('Enabled');
  const thrownAway = makeCdk(optionsWith('postrider:keepData=false'));
  await thrownAway('deploy', `${name}-Data`, '--exclusively', '--require-approval', 'never');
  await thrownAway('destroy', '--all', '--force');
  expect(await tablesOfDeployment()).toEqual([]);
  expect(await stateOfKey(key)).toBe('PendingDeletion');
});
