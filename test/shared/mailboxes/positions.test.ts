import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import type { Session } from '#test/support/world.ts';
import { clockAt, intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
async function twoWith(count: number): Promise<{ a: Session; b: Session; conversationId: string }> {
  users += 1;
  const [a, b] = [await world.join(`alice-${users}`), await world.join(`bob-${users}`)];
  const environment = world.environment();
  for (let index = 1; index <= count; index += 1)
    await environment.send({ action: 'send', recipientId: b.userId, content: `${index}` }, a);
  return { a, b, conversationId: directConversationId(a.userId, b.userId) };
}

const ack = (session: Session, positions: Record<string, number>, environment = world.environment()) =>
  environment.acknowledge({ action: 'ack', positions: new Map(Object.entries(positions)) }, session);
const read = (session: Session, conversationId: string, seq: number, environment = world.environment()) =>
  environment.markRead({ action: 'read', conversationId, seq }, session);
const row = async (session: Session, conversationId: string) =>
  (
    await world.dynamodb.client.send(
      new GetCommand({
        TableName: world.dynamodb.tableNames.mailboxes,
        Key: { userId: session.userId, conversationId },
        ConsistentRead: true,
      }),
    )
  ).Item;

test('an ack moves forward, never back, and tells the other member once', async () => {
  const { a, b, conversationId } = await twoWith(3);

  expect(await ack(b, { [conversationId]: 2 })).toStrictEqual({ type: 'ok' });
  expect(await ack(b, { [conversationId]: 1 })).toStrictEqual({ type: 'ok' });
  expect(await ack(b, { [conversationId]: 2 })).toStrictEqual({ type: 'ok' });

  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 2 });
  expect(world.gateway.pushes(a.connectionId)).toStrictEqual([
    { type: 'receipt', conversationId, userId: b.userId, deliveredSeq: 2, readSeq: 0 },
  ]);
  expect(world.gateway.pushes(b.connectionId).filter(({ type }) => type === 'receipt')).toStrictEqual([]);
});

test('an ack beyond the end, or to a conversation of others, is refused and makes no row; the rest moves', async () => {
  const { a, b, conversationId } = await twoWith(1);
  const others = (await twoWith(1)).conversationId;

  await expect(ack(b, { [others]: 1, [conversationId]: 1 })).rejects.toMatchObject({ code: 'not_found' });
  expect(await row(b, others)).toBeUndefined();
  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 1 });
  await expect(ack(a, { [conversationId]: 2 })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(ack(a, { [conversationId]: 2, nowhere: 1 })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(ack(a, { nowhere: 1, [conversationId]: 2 })).rejects.toMatchObject({ code: 'not_found' });
});

test('an update that meets a transaction is repeated, which the SDK does not do', async () => {
  const { b, conversationId } = await twoWith(1);
  let conflicts = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    const isMove = name === 'UpdateCommand' && JSON.stringify(command.input).includes('deliveredSeq');
    if (!isMove || conflicts >= 3) return next();
    conflicts += 1;
    throw sdkError('TransactionConflictException', 400);
  });

  expect(await ack(b, { [conversationId]: 1 }, world.environment({ dynamodb }))).toStrictEqual({
    type: 'ok',
  });
  expect(conflicts).toBe(3);
  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 1 });
});

test('reading implies arrival, and never takes an arrival back', async () => {
  const { a, b, conversationId } = await twoWith(3);

  await read(b, conversationId, 2);
  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 2, readSeq: 2 });
  await ack(b, { [conversationId]: 3 });
  await read(b, conversationId, 3);
  await read(b, conversationId, 1);

  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 3, readSeq: 3 });
  expect(world.gateway.pushes(a.connectionId)).toMatchObject([
    { deliveredSeq: 2, readSeq: 2 },
    { deliveredSeq: 3, readSeq: 2 },
    { deliveredSeq: 3, readSeq: 3 },
  ]);
  await expect(read(b, conversationId, 4)).rejects.toMatchObject({ code: 'bad_request' });
  await expect(read(b, 'nowhere', 1)).rejects.toMatchObject({ code: 'not_found' });
  const stranger = await world.join(`stranger-${users}`);
  await expect(read(stranger, conversationId, 1)).rejects.toMatchObject({ code: 'not_found' });
});

test('unread counts leave out one’s own messages, however many were sent since', async () => {
  const { a, b, conversationId } = await twoWith(70);
  const environment = world.environment();
  for (const content of ['one', 'two', 'three'])
    await environment.send({ action: 'send', recipientId: a.userId, content }, b);
  await environment.send({ action: 'send', recipientId: b.userId, content: 'last' }, a);
  const unread = async (session: Session) => {
    const page = await environment.conversations({ action: 'conversations' }, session, undefined);
    return page.type === 'conversations.page' ? page.conversations[0]?.unread : undefined;
  };

  expect(await unread(a)).toBe(3);
  expect(await unread(b)).toBe(71);
  await read(a, conversationId, 2);
  expect(await unread(a)).toBe(3);
  await read(a, conversationId, 71);
  expect(await unread(a)).toBe(2);
  await read(b, conversationId, 72);
  expect(await unread(b)).toBe(1);
  await read(a, conversationId, 74);
  expect(await unread(a)).toBe(0);
});

test('history walks both ways, cut by its limit', async () => {
  const { b, conversationId } = await twoWith(5);
  const environment = world.environment();
  const page = async (fields: { before?: number; after?: number; limit?: number }) => {
    const reply = await environment.history({ action: 'history', conversationId, ...fields }, b, undefined);
    if (reply.type !== 'history.page') throw new Error(reply.type);
    return [reply.messages.map(({ seq }) => seq), reply.more];
  };

  expect(await page({})).toStrictEqual([[1, 2, 3, 4, 5], false]);
  expect(await page({ limit: 2 })).toStrictEqual([[4, 5], true]);
  expect(await page({ before: 4, limit: 2 })).toStrictEqual([[2, 3], true]);
  expect(await page({ before: 3, limit: 2 })).toStrictEqual([[1, 2], false]);
  expect(await page({ before: 1 })).toStrictEqual([[], false]);
  expect(await page({ before: 99, limit: 1 })).toStrictEqual([[5], true]);
  expect(await page({ after: 0, limit: 3 })).toStrictEqual([[1, 2, 3], true]);
  expect(await page({ after: 3 })).toStrictEqual([[4, 5], false]);
  expect(await page({ after: 9 })).toStrictEqual([[], false]);
  const stranger = await world.join(`stranger-${users}`);
  const peeking = environment.history({ action: 'history', conversationId }, stranger, undefined);
  await expect(peeking).rejects.toMatchObject({ code: 'not_found' });
});

test('history that is cut by bytes keeps the side nearest the cursor', async () => {
  const { a, b, conversationId } = await twoWith(0);
  const environment = world.environment();
  for (let index = 0; index < 6; index += 1)
    await environment.send({ action: 'send', recipientId: b.userId, content: 'x'.repeat(9_000) }, a);
  const seqs = async (fields: { before?: number; after?: number }) => {
    const reply = await environment.history({ action: 'history', conversationId, ...fields }, b, 'r');
    return reply.type === 'history.page' ? [reply.messages.map(({ seq }) => seq), reply.more] : [];
  };

  expect(await seqs({})).toStrictEqual([[4, 5, 6], true]);
  expect(await seqs({ before: 4 })).toStrictEqual([[1, 2, 3], false]);
  expect(await seqs({ after: 0 })).toStrictEqual([[1, 2, 3], true]);
  expect(await seqs({ after: 3 })).toStrictEqual([[4, 5, 6], false]);
});

test('where one of several updates fails, those that moved are told of', async () => {
  const { a, b, conversationId } = await twoWith(1);
  const other = await twoWith(0);
  const send = { action: 'send', recipientId: b.userId, content: 'x' } as const;
  const second = (await world.environment().send(send, other.a)).message.conversationId;
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    if (name === 'UpdateCommand' && JSON.stringify(command.input).includes(second))
      throw sdkError('InternalServerError', 500);
    return next();
  });

  const acking = ack(b, { [second]: 1, [conversationId]: 1 }, world.environment({ dynamodb }));

  await expect(acking).rejects.toMatchObject({ name: 'InternalServerError' });
  expect(world.gateway.pushes(a.connectionId)).toMatchObject([{ type: 'receipt', deliveredSeq: 1 }]);
});

test('a read beyond the end is refused even when the end moves meanwhile', async () => {
  const { a, b, conversationId } = await twoWith(1);
  let reads = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = await next();
    if (name === 'GetCommand' && reads === 0) {
      reads += 1;
      await world.environment().send({ action: 'send', recipientId: b.userId, content: 'y' }, a);
    }
    return answer;
  });

  await expect(read(a, conversationId, 2, world.environment({ dynamodb }))).rejects.toMatchObject({
    code: 'bad_request',
  });
  expect(await row(a, conversationId)).not.toHaveProperty('readSeq');
});

test('history passes over what cannot be read, both ways', async () => {
  const { a, b, conversationId } = await twoWith(60);
  for (let seq = 3; seq <= 58; seq += 1)
    await world.dynamodb.client.send(
      new UpdateCommand({
        TableName: world.dynamodb.tableNames.messages,
        Key: { conversationId, seq },
        UpdateExpression: 'SET ciphertext = :damaged',
        ExpressionAttributeValues: { ':damaged': new Uint8Array(60) },
      }),
    );
  const clock = clockAt(Date.now() + 60_000);
  const environment = world.environment({ clock });
  const page = async (session: Session, fields: { before?: number; after?: number; limit?: number }) => {
    const reply = await environment.history({ action: 'history', conversationId, ...fields }, session, 'r');
    return reply.type === 'history.page' ? [reply.messages.map(({ seq }) => seq), reply.more] : [];
  };

  expect(await page(b, { after: 2, limit: 1 })).toStrictEqual([[59], true]);
  expect(await page(b, { before: 59, limit: 1 })).toStrictEqual([[2], true]);
  expect(await page(a, { after: 1 })).toStrictEqual([[2, 59, 60], false]);
  expect(await page(a, {})).toStrictEqual([[1, 2, 59, 60], false]);
});

test('reading less than what has arrived leaves the arrival where it is', async () => {
  const { a, b, conversationId } = await twoWith(3);
  await ack(b, { [conversationId]: 3 });

  expect(await read(b, conversationId, 2)).toStrictEqual({ type: 'ok' });

  expect(await row(b, conversationId)).toMatchObject({ deliveredSeq: 3, readSeq: 2 });
  expect(world.gateway.pushes(a.connectionId)).toMatchObject([
    { deliveredSeq: 3, readSeq: 0 },
    { deliveredSeq: 3, readSeq: 2 },
  ]);
});
