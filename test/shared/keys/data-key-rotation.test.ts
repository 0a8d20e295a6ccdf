import { DeleteCommand, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DataKey } from '#shared/keys/data-key-memory.ts';
import { startTestDynamoDB, type TestDynamoDB } from '#test/support/dynamodb.ts';
import {
  type Deployment,
  type Environment,
  hour,
  keySalt,
  makeVirtualClock,
  minute,
  place,
  startEnvironment,
} from './support/environment.ts';
import { makeFakeKms } from './support/fake-kms.ts';

type Send = TestDynamoDB['client']['send'];

let database: TestDynamoDB;
let deployment: Deployment;

beforeAll(async () => {
  database = await startTestDynamoDB();
});
afterAll(() => database.stop());

/** Rows of earlier tests stay as orphans do: only the pointer says which key counts. */
beforeEach(async () => {
  deployment = await makeDeployment();
});

async function makeDeployment(): Promise<Deployment> {
  const Key = { keyId: 'current' };
  await database.client.send(new DeleteCommand({ TableName: database.tableNames.dataKeys, Key }));
  return { database, kms: makeFakeKms(), clock: makeVirtualClock() };
}

async function pointedTo(): Promise<unknown> {
  const get = { TableName: database.tableNames.dataKeys, Key: { keyId: 'current' }, ConsistentRead: true };
  return (await database.client.send(new GetCommand(get))).Item?.dataKeyId;
}

const start = (count: number) => Array.from({ length: count }, () => startEnvironment(deployment));
const idOf = ({ keyId }: DataKey) => Buffer.from(keyId).toString('hex');
const idsOf = async (environments: Environment[]) =>
  new Set((await Promise.all(environments.map(({ dataKeys }) => dataKeys.current()))).map(idOf));
const seal = ({ cipher }: Environment) => cipher.seal(place, keySalt, 'hello');
const open = ({ cipher }: Environment, sealed: Uint8Array) => cipher.open(place, keySalt, sealed);

test('40 environments that meet an empty table at once settle on one key', async () => {
  const environments = start(40);
  const ids = await idsOf(environments);
  expect([...ids]).toEqual([await pointedTo()]);
  expect(deployment.kms.calls.GenerateDataKey).toBeGreaterThan(1);

  const reader = startEnvironment(deployment);
  for (const sealed of await Promise.all(environments.map(seal)))
    expect(await open(reader, sealed)).toBe('hello');
});

test('40 environments that find the key due at once settle on one successor, and the old key stays readable', async () => {
  const environments = start(40);
  const [before] = await idsOf(environments);
  const old = await Promise.all(environments.map(seal));
  deployment.clock.advance(24 * hour);

  const ids = await idsOf(environments);

  expect([...ids]).toEqual([await pointedTo()]);
  expect(ids.has(before ?? '')).toBe(false);
  const opened = await Promise.all(
    environments.map((each, index) => open(each, old[39 - index] ?? new Uint8Array())),
  );
  expect(new Set(opened)).toEqual(new Set(['hello']));
});

test('ages are jittered: one environment rotates in the last tenth of the day, the others follow by its end', async () => {
  let draw = 0;
  const spread = () => (draw++ % 20) / 20;
  const environments = Array.from({ length: 20 }, () => startEnvironment({ ...deployment, random: spread }));
  const [before = ''] = await idsOf(environments);
  deployment.kms.resetCalls();
  deployment.clock.advance(21.5 * hour);
  expect([...(await idsOf(environments))]).toEqual([before]);

  const reader = startEnvironment(deployment);
  while (deployment.clock.now() < makeVirtualClock().now() + 24 * hour) {
    for (const environment of environments) expect(await open(reader, await seal(environment))).toBe('hello');
    deployment.clock.advance(10 * minute);
  }

  const after = await idsOf(environments);
  expect([...after]).toEqual([await pointedTo()]);
  expect(after.has(before)).toBe(false);
  expect(deployment.kms.calls.GenerateDataKey).toBe(1);
});

test('an environment that dies between the row and the pointer leaves an orphan and no harm', async () => {
  const isPointer = (command: unknown) =>
    command instanceof PutCommand && command.input.Item?.keyId === 'current';
  const dies = async (command: PutCommand) => {
    if (isPointer(command)) throw new Error('the process is gone');
    return await database.client.send(command);
  };
  const dying = startEnvironment({ ...deployment, dynamodb: { send: dies as unknown as Send } });
  const countRows = async () => {
    const scan = new ScanCommand({ TableName: database.tableNames.dataKeys, Select: 'COUNT' });
    return (await database.client.send(scan)).Count ?? 0;
  };
  const rowsBefore = await countRows();
  await expect(dying.dataKeys.current()).rejects.toMatchObject({ cause: { message: 'the process is gone' } });
  expect(await countRows()).toBe(rowsBefore + 1);
  expect(await pointedTo()).toBe(undefined);

  const [one, other] = start(2) as [Environment, Environment];
  expect(await open(other, await seal(one))).toBe('hello');
});

test('a put of the pointer that took place although its answer was lost is recognised', async () => {
  let isLost = false;
  const loses = async (command: PutCommand) => {
    const answer = await database.client.send(command);
    if (isLost || !(command instanceof PutCommand) || command.input.Item?.keyId !== 'current') return answer;
    // As the SDK does by itself: the same request again.
    isLost = true;
    return await database.client.send(command);
  };
  const environment = startEnvironment({ ...deployment, dynamodb: { send: loses as unknown as Send } });
  const dataKey = await environment.dataKeys.current();
  expect(isLost).toBe(true);
  expect(idOf(dataKey)).toBe(await pointedTo());
});

test('in any order of the answers, and with lost ones, whoever gets a key gets one that all others can load', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ call: fc.nat(11), isDone: fc.boolean() }), { maxLength: 3 }),
      async (scheduler, losses) => {
        deployment = await makeDeployment();
        let calls = 0;
        const scheduled = scheduler.scheduleFunction(async (command: GetCommand) => {
          const loss = losses.find(({ call }) => call === calls);
          calls += 1;
          if (loss?.isDone === false) return { lost: true as const };
          const answer = await database.client.send(command).catch((error: unknown) => ({ error }));
          return loss ? { lost: true as const } : answer;
        });
        const send = async (command: GetCommand) => {
          const answer = await scheduled(command);
          if ('lost' in answer) throw Object.assign(new Error('hang up'), { code: 'ECONNRESET' });
          if ('error' in answer) throw answer.error;
          return answer;
        };
        const dynamodb = { send: send as unknown as Send };
        const environments = Array.from({ length: 4 }, () => startEnvironment({ ...deployment, dynamodb }));

        for (const age of [0, 24 * hour]) {
          deployment.clock.advance(age);
          const asked = Promise.allSettled(environments.map(({ dataKeys }) => dataKeys.current()));
          await scheduler.waitFor(asked);
          const reader = startEnvironment(deployment);
          for (const settled of await asked) {
            if (settled.status === 'rejected')
              expect(settled.reason).toMatchObject({ reason: 'unreachable' });
            else expect((await reader.dataKeys.byId(settled.value.keyId)).key).toEqual(settled.value.key);
          }
          if (losses.length === 0) expect([...(await idsOf([reader]))]).toEqual([await pointedTo()]);
        }
      },
    ),
    { numRuns: 60 },
  );
});
