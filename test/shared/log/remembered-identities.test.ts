import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import { intercepting, startWorld, type World } from '#test/support/world.ts';

const anHour = 3_600_000;

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

test('a conversation’s members and salt are remembered for an hour and not longer, so that a deleted salt is forgotten', async () => {
  await world
    .environment()
    .send({ action: 'send', recipientId: 'bob', content: 'hello' }, await world.join('alice'));
  const conversationId = directConversationId('alice', 'bob');
  let now = Date.now();
  let calls = 0;
  const dynamodb = intercepting(world.dynamodb.client, (_name, _command, next) => {
    calls += 1;
    return next();
  });
  const { log } = world.environment({ dynamodb, clock: { now: () => now, sleep: async () => {} } });
  const saltOf = async () => (await log.identities('alice', [conversationId])).get(conversationId)?.keySalt;
  const before = await saltOf();
  await world.dynamodb.client.send(
    new UpdateCommand({
      TableName: world.dynamodb.tableNames.conversations,
      Key: { conversationId },
      UpdateExpression: 'SET keySalt = :other',
      ExpressionAttributeValues: { ':other': new Uint8Array(16) },
    }),
  );

  now += anHour;
  expect(await saltOf()).toEqual(before);
  expect(calls).toBe(1);
  now += 1;
  expect(await saltOf()).toEqual(new Uint8Array(16));
  expect(calls).toBe(2);
});
