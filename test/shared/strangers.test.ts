import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import { intercepting, startWorld, testEpoch, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const notFound = { code: 'not_found' };
let pairs = 0;

/** Alice has written to Bob; Mallory is somebody else. All of them are new. */
async function aliceToBob(environment = world.environment()) {
  pairs += 1;
  const names = { alice: `alice-${pairs}`, bob: `bob-${pairs}`, mallory: `mallory-${pairs}` };
  const [alice, bob, mallory] = await Promise.all(Object.values(names).map((name) => world.join(name)));
  if (!alice || !bob || !mallory) throw new Error('nobody came');
  await environment.send({ action: 'send', recipientId: names.bob, content: 'secret' }, alice);
  return { environment, alice, bob, mallory, conversationId: directConversationId(names.alice, names.bob) };
}

const mailboxOf = (userId: string, conversationId: string) => ({
  TableName: world.dynamodb.tableNames.mailboxes,
  Item: { userId, conversationId, lastSeq: 1, lastMessageAt: Date.now() - 60_000, activeHour: 1 },
});

test('a conversation of others takes the same calls as one that does not exist, however often it is asked for', async () => {
  const calls: string[] = [];
  const dynamodb = intercepting(world.dynamodb.client, (name, _command, next) => {
    calls.push(name);
    return next();
  });
  const { environment, bob, mallory, conversationId } = await aliceToBob(world.environment({ dynamodb }));
  // Both of its members have just asked, so that this environment remembers it.
  await environment.history({ action: 'history', conversationId }, bob, undefined);
  const callsOf = async (id: string) => {
    calls.length = 0;
    const send = environment.send({ action: 'send', conversationId: id, content: 'x' }, mallory);
    await expect(send).rejects.toMatchObject(notFound);
    const history = environment.history({ action: 'history', conversationId: id }, mallory, undefined);
    await expect(history).rejects.toMatchObject(notFound);
    return [...calls];
  };
  await callsOf('n'.repeat(43));

  const missing = await callsOf('m'.repeat(43));
  expect(await callsOf(conversationId)).toEqual(missing);
  expect(await callsOf(conversationId)).toEqual(missing);
});

test('a block holds back new messages alone: what was written stays, and how far it is read is still told', async () => {
  const { environment, alice, bob, conversationId } = await aliceToBob();
  await environment.block({ action: 'block', userId: bob.userId }, alice);

  const send = environment.send({ action: 'send', conversationId, content: 'and now?' }, bob);
  await expect(send).rejects.toMatchObject({ code: 'forbidden' });
  const history = environment.history({ action: 'history', conversationId }, bob, undefined);
  expect(await history).toMatchObject({ messages: [{ content: 'secret' }] });
  await environment.markRead({ action: 'read', conversationId, seq: 1 }, bob);
  await environment.markRead({ action: 'read', conversationId, seq: 1 }, alice);
  const readBy = (userId: string) => [
    { type: 'receipt', conversationId, userId, deliveredSeq: 1, readSeq: 1 },
  ];
  expect(world.gateway.pushes(alice.connectionId)).toEqual(readBy(bob.userId));
  expect(world.gateway.pushes(bob.connectionId).slice(1)).toEqual(readBy(alice.userId));
});

test('a mailbox that somebody made for a stranger opens nothing', async () => {
  const { environment, mallory, conversationId } = await aliceToBob();
  await world.dynamodb.client.send(new PutCommand(mailboxOf(mallory.userId, conversationId)));

  const history = environment.history({ action: 'history', conversationId }, mallory, undefined);
  await expect(history).rejects.toMatchObject(notFound);
  await environment.reconnect({ action: 'reconnect' }, mallory, undefined);
  const { seq, recipientId } = { seq: 1, recipientId: mallory.userId };
  const stored = await environment.log.message(conversationId, seq);
  await environment.deliverLater({ recipientId, conversationId, seq, messageId: stored.messageId });

  expect(world.gateway.frames.get(mallory.connectionId)).toEqual([
    { type: 'reconnect.done', conversations: [], more: false, epoch: testEpoch },
  ]);
});

test('members that somebody altered in the table let nobody in, neither to what is there nor to what comes', async () => {
  const { alice, bob, mallory, conversationId } = await aliceToBob();
  const { client, tableNames } = world.dynamodb;
  await client.send(
    new UpdateCommand({
      TableName: tableNames.conversations,
      Key: { conversationId },
      UpdateExpression: 'SET members = :members',
      ExpressionAttributeValues: { ':members': [alice.userId, mallory.userId] },
    }),
  );
  await client.send(new PutCommand(mailboxOf(mallory.userId, conversationId)));
  const environment = world.environment();

  const history = environment.history({ action: 'history', conversationId }, mallory, undefined);
  await expect(history).rejects.toMatchObject(notFound);
  const send = environment.send({ action: 'send', recipientId: bob.userId, content: 'more' }, alice);
  await expect(send).rejects.toThrow('were altered');

  expect(world.gateway.frames.get(mallory.connectionId)).toBeUndefined();
});
