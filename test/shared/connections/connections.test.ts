import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeConnections } from '#shared/connections/connections.dynamodb.ts';
import { startTestDynamoDB, type TestDynamoDB } from '#test/support/dynamodb.ts';

let dynamodb: TestDynamoDB;
beforeAll(async () => {
  dynamodb = await startTestDynamoDB();
});
afterAll(() => dynamodb.stop());

const now = Date.parse('2026-03-01T00:00:00Z');
const minute = 60_000;
/** API Gateway's two hours, and ten minutes more. */
const longestLife = 130 * minute;

const tableName = () => dynamodb.tableNames.connections;
const connections = () =>
  makeConnections({
    dynamodb: dynamodb.client,
    tableName: tableName(),
    clock: { now: () => now, sleep: async () => {} },
  });

const connection = (userId: string, connectionId: string, connectedAt = now) => ({
  userId,
  connectionId,
  address: '192.0.2.1',
  connectedAt,
  expiresAt: now + 60 * minute,
  ready: false,
});

test.for(['eventual', 'strong'] as const)(
  '%s look-up: a row whose connection cannot live any longer is left out, although it is not deleted yet',
  async (consistency) => {
    const user = `alice-${consistency}`;
    const { add, of } = connections();
    await add(connection(user, 'young'));
    await add(connection(user, 'nearly too old', now - longestLife + 1));
    await add(connection(user, 'too old', now - longestLife));
    await add(connection(user, 'days old', now - 48 * 60 * minute));

    const found = await of(user, consistency);

    expect(found.map(({ connectionId }) => connectionId).sort()).toStrictEqual(['nearly too old', 'young']);
  },
);

test('a row says in whole seconds when it may be deleted: not before its connection has ended', async () => {
  await connections().add(connection('bob', 'c1', now + 1));

  const Key = { userId: 'bob', connectionId: 'c1' };
  const { Item } = await dynamodb.client.send(new GetCommand({ TableName: tableName(), Key }));

  expect(Item?.ttl).toBe((now + longestLife) / 1000 + 1);
});

test('only a row that is there becomes ready, and none is made by that', async () => {
  const { add, remove, markReady, of } = connections();
  await add(connection('carol', 'c1'));

  expect(await markReady({ userId: 'carol', connectionId: 'c1' })).toBe(true);
  expect(await of('carol', 'strong')).toMatchObject([{ connectionId: 'c1', ready: true }]);
  await remove({ userId: 'carol', connectionId: 'c1' });
  expect(await markReady({ userId: 'carol', connectionId: 'c1' })).toBe(false);
  expect(await of('carol', 'strong')).toStrictEqual([]);
});
