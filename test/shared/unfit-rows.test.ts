import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TableId } from '#shared/aws/tables.ts';
import { toProtocolError } from '#shared/runtime/protocol-errors.ts';
import { clock as systemClock } from '#shared/runtime/system.ts';
import { growMailboxes } from '#test/support/grown-mailboxes.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const secret = 'the code is 4711';

/** Puts `value` in the place of an attribute, or takes it away. */
async function spoil(table: TableId, key: Record<string, unknown>, name: string, value?: unknown) {
  const isGone = value === undefined;
  await world.dynamodb.client.send(
    new UpdateCommand({
      TableName: world.dynamodb.tableNames[table],
      Key: key,
      UpdateExpression: isGone ? 'REMOVE #name' : 'SET #name = :value',
      ExpressionAttributeNames: { '#name': name },
      ...(!isGone && { ExpressionAttributeValues: { ':value': value } }),
    }),
  );
}

let users = 0;
/** Alice, and several friends who have sent her a message each. */
async function receive(friends: number, sentAgoMs = 0) {
  users += 1;
  const name = `alice-${users}`;
  const now = () => Date.now() - sentAgoMs;
  const environment = world.environment({ clock: { now, sleep: systemClock.sleep } });
  const conversationIds: string[] = [];
  const senders: string[] = [];
  for (let index = 1; index <= friends; index += 1) {
    const friend = { ...(await world.join(`friend-${users}-${index}`)), address: `198.51.${users}.${index}` };
    const request = { action: 'send', recipientId: name, content: secret } as const;
    conversationIds.push((await environment.send(request, friend)).message.conversationId);
    senders.push(friend.userId);
  }
  const alice = { ...(await world.join(name)), address: `203.0.113.${users}` };
  return { alice, friends: senders, conversationIds };
}

async function reconnect(userId: string) {
  const session = await world.join(userId, { ready: false });
  await world.environment().reconnect({ action: 'reconnect' }, session, undefined);
  const frames = world.gateway.frames.get(session.connectionId) ?? [];
  const messages = frames.flatMap((frame) => (frame.type === 'reconnect.page' ? frame.messages : []));
  return { came: messages.map(({ conversationId }) => conversationId).sort(), done: frames.at(-1) };
}

/** The lines of the log that name this row. */
const namedLines = (table: string, ...key: string[]) =>
  world.telemetry.lines.filter(
    (line) => line.includes(`UnfitRow: A row of ${table}`) && key.every((part) => line.includes(part)),
  );

test.for([
  ['lastSeq', undefined],
  ['deliveredSeq', 'far'],
  ['lastMessageAt', secret],
] as const)('a mailbox without a sound %s does not keep the user from the others', async ([name, value]) => {
  const { alice, conversationIds } = await receive(3);
  const [spoilt = '', ...others] = conversationIds;
  await spoil('mailboxes', { userId: alice.userId, conversationId: spoilt }, name, value);

  const listed = await world.environment().conversations({ action: 'conversations' }, alice, undefined);
  expect(namedLines('mailboxes', alice.userId, spoilt, `"${name}"`)).toHaveLength(1);
  const { came, done } = await reconnect(alice.userId);

  expect(listed).toMatchObject({
    conversations: others.toReversed().map((conversationId) => ({ conversationId })),
  });
  expect(came).toStrictEqual(others.sort());
  expect(done).toMatchObject({ type: 'reconnect.done', more: false });
  expect(namedLines('mailboxes', alice.userId, spoilt, `"${name}"`)).toHaveLength(2);
});

test.for([
  ['members', undefined],
  ['members', secret],
  ['keySalt', secret],
] as const)(
  'a conversation without a sound %s does not keep its members from the others',
  async ([name, value]) => {
    const { alice, conversationIds } = await receive(3);
    const [spoilt = '', ...others] = conversationIds;
    await spoil('conversations', { conversationId: spoilt }, name, value);

    const listed = await world.environment().conversations({ action: 'conversations' }, alice, undefined);
    const { came, done } = await reconnect(alice.userId);

    // Its mailbox is sound, and tells what a list tells but its members.
    expect(listed).toMatchObject({
      conversations: [...others.toReversed(), spoilt].map((conversationId) => ({ conversationId })),
    });
    expect(came).toStrictEqual(others.sort());
    expect(done).toMatchObject({ type: 'reconnect.done', more: false });
    expect(namedLines('conversations', spoilt, `"${name}"`)).toHaveLength(2);
  },
);

test('pages by the hour go on past mailboxes that do not fit', async () => {
  users += 1;
  const alice = { ...(await world.join(`alice-${users}`)), address: `203.0.113.${users}` };
  const hours = Array.from({ length: 12 }, (_, index) => ({
    lastMessageAt: Date.UTC(2026, 5, 1) - index * 3_600_000,
  }));
  const ids = await growMailboxes(world, alice.userId, hours);
  for (const index of [1, 2, 3, 6, 7])
    await spoil(
      'mailboxes',
      { userId: alice.userId, conversationId: ids[index] ?? '' },
      'lastMessageAt',
      secret,
    );
  const environment = world.environment({ fewMailboxes: 2 });
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const request = { action: 'conversations', limit: 2, ...(cursor !== undefined && { cursor }) } as const;
    const page = await environment.conversations(request, alice, undefined);
    if (page.type !== 'conversations.page') throw new Error(page.type);
    pages.push(page.conversations.map(({ conversationId }) => conversationId));
    cursor = page.cursor;
  } while (cursor !== undefined);

  expect(pages.flat()).toStrictEqual(ids.filter((_, index) => ![1, 2, 3, 6, 7].includes(index)));
});

test.for([
  ['senderId', undefined],
  ['senderCount', 'many'],
  ['ciphertext', undefined],
  ['sentAt', undefined],
] as const)(
  'an old message without a sound %s holds nothing up, is counted and named',
  async ([name, value]) => {
    const { alice, friends, conversationIds } = await receive(1, 3_600_000);
    const [friend = ''] = friends;
    const [conversationId = ''] = conversationIds;
    const session = { ...(await world.join(friend)), address: `203.0.113.${users}` };
    const request = { action: 'send', recipientId: alice.userId, content: secret } as const;
    const send = (agoMs: number) =>
      world
        .environment({ clock: { now: () => Date.now() - agoMs, sleep: systemClock.sleep } })
        .send(request, session);
    await send(3_000_000);
    await send(name === 'sentAt' ? 60_000 : 0);
    await spoil('messages', { conversationId, seq: 2 }, name, value);
    const before = world.telemetry.counts.get('UnreadableMessage') ?? 0;

    const page = await world
      .environment()
      .history({ action: 'history', conversationId, after: 0 }, alice, undefined);

    expect(page).toMatchObject({ messages: [{ seq: 1 }, { seq: 3 }], more: false });
    expect(namedLines('messages', conversationId, '"seq":2', `"${name}"`)).toHaveLength(1);
    expect((world.telemetry.counts.get('UnreadableMessage') ?? 0) - before).toBe(1);
  },
);

test('a message of this moment that does not fit is waited for, without being read again', async () => {
  const { alice, conversationIds } = await receive(1);
  const [conversationId = ''] = conversationIds;
  await spoil('messages', { conversationId, seq: 1 }, 'senderId');

  const page = await world
    .environment()
    .history({ action: 'history', conversationId, after: 0 }, alice, undefined);

  expect(page).toMatchObject({ messages: [], more: true });
  expect(namedLines('messages', conversationId)).toHaveLength(1);
});

test('what follows a stretch is found past rows that tell no time', async () => {
  const { alice, friends, conversationIds } = await receive(1, 3_600_000);
  const [conversationId = ''] = conversationIds;
  const session = { ...(await world.join(friends[0] ?? '')), address: `203.0.113.${users}` };
  const clock = { now: () => Date.now() - 3_000_000, sleep: systemClock.sleep };
  const request = { action: 'send', recipientId: alice.userId, content: secret } as const;
  for (let sent = 0; sent < 3; sent += 1) await world.environment({ clock }).send(request, session);
  await world.environment().send(request, session);
  for (const seq of [1, 2, 3]) await spoil('messages', { conversationId, seq }, 'sentAt');

  const history = world.environment().history;
  const page = await history({ action: 'history', conversationId, before: 2 }, alice, undefined);

  expect(page).toMatchObject({ messages: [], more: false });
});

test('a message that does not fit is announced like one that does not open', async () => {
  const { alice, conversationIds } = await receive(1);
  const [conversationId = ''] = conversationIds;
  await spoil('messages', { conversationId, seq: 1 }, 'sentAt', secret);
  const reference = world.left.find((one) => one.conversationId === conversationId);
  if (!reference) throw new Error('no witness');

  expect(await world.environment().deliverLater(reference)).toBe('done');

  expect(world.published.filter(({ recipientId }) => recipientId === alice.userId)).toStrictEqual([
    { ...reference, unread: 1 },
  ]);
  expect(namedLines('messages', conversationId, '"sentAt"')).toHaveLength(1);
});

test.for([
  ['conversations', 'lastSeq', secret, 'lastMessageAt'],
  ['mailboxes', 'sentCount', secret, 'recentSends'],
  ['relationships', 'blocked', secret, 'blocked'],
] as const)('a send that meets a row of %s that does not fit fails by name', async ([table, name, value]) => {
  const { alice, friends, conversationIds } = await receive(1);
  const [conversationId = ''] = conversationIds;
  const [friend = ''] = friends;
  const keys = {
    conversations: { conversationId },
    mailboxes: { userId: alice.userId, conversationId },
    relationships: { ownerId: friend, otherId: alice.userId },
  };
  await spoil(table, keys[table], name, value);

  const request = { action: 'send', recipientId: friend, content: 'hello' } as const;
  const failure: unknown = await world
    .environment()
    .send(request, alice)
    .catch((error: unknown) => error);

  expect(failure).toMatchObject({ name: 'UnfitRow', table, attribute: name, key: keys[table] });
  expect(String(failure)).not.toContain(secret);
  expect(toProtocolError(failure, world.telemetry).code).toBe('internal');
});

test('a connection that does not fit keeps nobody from the others', async () => {
  const { alice, friends } = await receive(1);
  const broken = await world.join(alice.userId);
  await spoil(
    'connections',
    { userId: alice.userId, connectionId: broken.connectionId },
    'connectedAt',
    secret,
  );
  const environment = world.environment();

  const friend = { ...(await world.join(friends[0] ?? '')), address: `198.51.100.${users}` };
  await environment.send({ action: 'send', recipientId: alice.userId, content: 'hello' }, friend);
  expect(
    world.telemetry.lines.filter((line) => /early look-up|delivery after the commit/.test(line)),
  ).toHaveLength(0);
  const again = { ...alice, connectionId: 'one-more', connectedAt: Date.now(), ready: false };

  const pushes = world.gateway.pushes(alice.connectionId);
  expect(
    pushes.filter((push) => push.type === 'message.new' && push.message.content === 'hello'),
  ).toHaveLength(1);
  expect(await environment.openConnection(again)).toStrictEqual({ opened: true });
  expect(namedLines('connections', broken.connectionId, '"connectedAt"').length).toBeGreaterThan(0);
});

test('positions: one bad mailbox among several is a failure by name, and the others move', async () => {
  const { alice, conversationIds } = await receive(2);
  const [spoilt = '', sound = ''] = conversationIds;
  await spoil('mailboxes', { userId: alice.userId, conversationId: spoilt }, 'sentCount', secret);
  const positions = new Map(conversationIds.map((id) => [id, 1]));
  const environment = world.environment();

  await expect(environment.acknowledge({ action: 'ack', positions }, alice)).rejects.toMatchObject({
    name: 'UnfitRow',
    key: { userId: alice.userId, conversationId: spoilt },
  });

  expect(await environment.mailboxes.get(alice.userId, sound)).toMatchObject({ deliveredSeq: 1 });
});

test('a budget that is no time fails as its limit says when the table fails, by name', async () => {
  const { alice } = await receive(1);
  const { limiter } = world.environment();
  await limiter.take([{ limit: 'messagesPerUser', of: alice.userId }]);
  const rows = world.telemetry.lines.length;
  const { tableNames, client } = world.dynamodb;
  const found = await client.send(new ScanCommand({ TableName: tableNames.rateLimits }));
  const row = found.Items?.find((item) => String(item.key).endsWith(alice.userId));
  await spoil('rateLimits', { key: row?.key }, 'tat', secret);

  await limiter.take([{ limit: 'messagesPerUser', of: alice.userId }]).catch(() => {});

  const said = world.telemetry.lines.slice(rows).join('\n');
  expect(said).toMatch(/rate_limiter_failed .*UnfitRow: A row of rateLimits.*"tat"/);
  expect(said).toContain(String(row?.key));
});

test('no value of a spoilt row is in the log', () => {
  expect(world.telemetry.lines.length).toBeGreaterThan(20);
  expect(world.telemetry.lines.join('\n')).not.toContain(secret);
});
