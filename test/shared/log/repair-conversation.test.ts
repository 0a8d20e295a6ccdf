import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Row } from '#shared/aws/rows.ts';
import type { TableId } from '#shared/aws/tables.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import { type Session, startWorld, type World } from '#test/support/world.ts';

const members = ['alice', 'bob'] as const;
const conversationId = directConversationId(...members);
/** As many messages, in turn Alice's and Bob's, as there were when a table was copied. */
const moments = [0, 2, 4] as const;
type Moment = (typeof moments)[number];

interface Copies {
  readonly head: Moment;
  readonly alice: Moment;
  readonly bob: Moment;
  readonly entries: Moment;
}
/** Every table at every moment, the two mailboxes apart: a transaction may lie across a copy of theirs. */
const everyRestore: readonly Copies[] = moments.flatMap((head) =>
  moments.flatMap((alice) =>
    moments.flatMap((bob) => moments.map((entries): Copies => ({ head, alice, bob, entries }))),
  ),
);

let world: World;
let alice: Session;
let bob: Session;
/** Each row as it was at each moment. */
const heads = new Map<Moment, Row | undefined>();
const mailboxes = new Map<string, Row | undefined>();
let messages: readonly Row[] = [];

beforeAll(async () => {
  world = await startWorld();
  [alice, bob] = [await world.join('alice'), await world.join('bob')];
  for (let sent = 0; sent <= 4; sent += 1) {
    const moment = moments.find((one) => one === sent);
    if (moment !== undefined) await copy(moment);
    const [from, to] = sent % 2 === 0 ? [alice, 'bob'] : [bob, 'alice'];
    const request = { content: `old ${sent + 1}`, clientMessageId: `id ${sent + 1}` };
    if (sent < 4) await environment(0).send({ action: 'send', recipientId: to, ...request }, from);
  }
  messages = await entries();
});
afterAll(() => world.stop());

/** Its clock would not like the readers' time. */
const limiter: RateLimiter = {
  lastKnown: () => ({ allowed: true }),
  hold: async () => ({ allowed: true, release: async () => {} }),
  debit: async () => {},
  take: async () => ({ allowed: true }),
};

/** A minute after what was restored was sent. Waits take no time: how long is waited shows nothing. */
const environment = (later = 60_000) =>
  world.environment({ limiter, clock: { now: () => Date.now() + later, sleep: async () => {} } });

const send = async (from: Session, recipientId: string, content: string, clientMessageId: string) =>
  await environment().send({ action: 'send', recipientId, content, clientMessageId }, from);

async function rowOf(id: TableId, Key: Row): Promise<Row | undefined> {
  const TableName = world.dynamodb.tableNames[id];
  return (await world.dynamodb.client.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
}

async function setRow(id: TableId, Key: Row, Item: Row | undefined): Promise<void> {
  const TableName = world.dynamodb.tableNames[id];
  const command = Item ? new PutCommand({ TableName, Item }) : new DeleteCommand({ TableName, Key });
  await world.dynamodb.client.send(command as PutCommand);
}

async function entries(): Promise<Row[]> {
  const { Items = [] } = await world.dynamodb.client.send(
    new QueryCommand({
      TableName: world.dynamodb.tableNames.messages,
      KeyConditionExpression: 'conversationId = :id',
      ExpressionAttributeValues: { ':id': conversationId },
    }),
  );
  return Items;
}

async function copy(moment: Moment): Promise<void> {
  heads.set(moment, await rowOf('conversations', { conversationId }));
  for (const userId of members)
    mailboxes.set(`${userId} ${moment}`, await rowOf('mailboxes', { userId, conversationId }));
}

async function restore(copies: Copies): Promise<void> {
  await setRow('conversations', { conversationId }, heads.get(copies.head));
  for (const userId of members)
    await setRow('mailboxes', { userId, conversationId }, mailboxes.get(`${userId} ${copies[userId]}`));
  const kept = messages.slice(0, copies.entries);
  for (const { seq } of await entries()) await setRow('messages', { conversationId, seq }, undefined);
  for (const row of kept) await setRow('messages', { conversationId, seq: row.seq }, row);
}

const standing = async (userId: string) => {
  const row = await rowOf('mailboxes', { userId, conversationId });
  return { lastSeq: row?.lastSeq, sentCount: row?.sentCount ?? 0 };
};

/** Read two minutes later: a place that stayed empty is then known to be. */
async function historyOf(session: Session): Promise<string[]> {
  const page = await environment(180_000).history({ action: 'history', conversationId }, session);
  return page.messages.map(({ seq, content }) => `${seq} ${content}`);
}

test('sends go on after every restore, above every place that anybody may have read to, for both the same', async () => {
  for (const copies of everyRestore) {
    await restore(copies);
    const label = JSON.stringify(copies);

    const first = await send(bob, 'alice', 'after 1', 'after 1');
    const second = await send(alice, 'bob', 'after 2', 'after 2');
    const again = await send(bob, 'alice', 'after 1', 'after 1');

    const end = Math.max(...Object.values(copies));
    expect([first.message.seq, second.message.seq], label).toStrictEqual([end + 1, end + 2]);
    expect(again, label).toMatchObject({ duplicate: true, messageId: first.messageId });
    const history = await historyOf(alice);
    expect(await historyOf(bob), label).toStrictEqual(history);
    // Whatever is left of the log stays readable, as long as its salt is there.
    const old = copies.head === 0 ? [] : messages.slice(0, copies.entries);
    const wanted = [...old.map(({ seq }) => `${seq} old ${seq}`), `${end + 1} after 1`, `${end + 2} after 2`];
    expect(history, label).toStrictEqual(wanted);
    expect((await standing('alice')).lastSeq, label).toBe((await standing('bob')).lastSeq);
  }
}, 240_000);

test('what was undone can be sent again, what was not is a duplicate, whatever the mailboxes remember', async () => {
  for (const copies of everyRestore.filter(({ head }) => head > 0)) {
    await restore(copies);
    const label = JSON.stringify(copies);

    const reply = await send(alice, 'bob', 'old 3', 'id 3');

    const isLeft = copies.entries >= 3;
    expect(reply.duplicate, label).toBe(isLeft || undefined);
    expect(reply.message.seq, label).toBe(isLeft ? 3 : Math.max(...Object.values(copies)) + 1);
    const found = (await historyOf(bob)).filter((line) => line.endsWith(' old 3'));
    expect(found, label).toHaveLength(1);
  }
}, 240_000);

test('before anybody connects, head and mailboxes follow the highest entry, and numbers and memory with them', async () => {
  for (const copies of everyRestore) {
    await restore(copies);
    const label = JSON.stringify(copies);
    const { repair } = environment();
    const before = [copies.head, copies.alice, copies.bob];

    const outcome = await repair(conversationId, { members, mayGoBack: true });

    const isWhole = before.every((moment) => moment === copies.entries);
    expect(outcome, label).toBe(isWhole ? 'whole' : 'repaired');
    expect(await repair(conversationId, { members, mayGoBack: true }), label).toBe('whole');
    const end = copies.entries;
    const wanted = end === 0 ? undefined : end;
    expect((await rowOf('conversations', { conversationId }))?.lastSeq, label).toBe(wanted);
    for (const userId of members)
      expect(await standing(userId), label).toStrictEqual({ lastSeq: wanted, sentCount: end / 2 });
    expect((await send(alice, 'bob', 'after', 'after')).message.seq, label).toBe(end + 1);
    const { conversations } = await environment().conversations({ action: 'conversations' }, bob);
    expect(conversations, label).toMatchObject([{ lastSeq: end + 1, unread: end / 2 + 1 }]);
  }
}, 240_000);

test('positions are cut to the end, and what was read stays read', async () => {
  await restore({ head: 4, alice: 4, bob: 4, entries: 4 });
  await environment().markRead({ action: 'read', conversationId, seq: 4 }, bob);
  for (const seq of [3, 4]) await setRow('messages', { conversationId, seq }, undefined);

  await environment().repair(conversationId, { members, mayGoBack: true });

  const row = await rowOf('mailboxes', { userId: 'bob', conversationId });
  expect(row).toMatchObject({ lastSeq: 2, deliveredSeq: 2, readSeq: 2, sentCount: 1, sentCountAtRead: 1 });
  await send(alice, 'bob', 'after', 'after');
  const { conversations } = await environment().conversations({ action: 'conversations' }, bob);
  expect(conversations).toMatchObject([{ lastSeq: 3, unread: 1 }]);
});

test('beside sends it changes nothing that they have confirmed, and a whole conversation not at all', async () => {
  await restore({ head: 4, alice: 2, bob: 4, entries: 4 });
  const { repair } = environment();
  const repairing = Array.from({ length: 8 }, () => repair(conversationId, { members, mayGoBack: false }));
  const sending = Array.from({ length: 8 }, (_, index) =>
    index % 2
      ? send(alice, 'bob', `a ${index}`, `a ${index}`)
      : send(bob, 'alice', `b ${index}`, `b ${index}`),
  );

  const confirmed = (await Promise.all(sending)).map(({ message }) => `${message.seq} ${message.content}`);
  await Promise.all(repairing);

  const bySeq = (one: string, other: string) => Number.parseInt(one, 10) - Number.parseInt(other, 10);
  expect((await historyOf(bob)).slice(4)).toStrictEqual(confirmed.sort(bySeq));
  expect(await historyOf(alice)).toStrictEqual(await historyOf(bob));
  const row = await rowOf('mailboxes', { userId: 'bob', conversationId });
  expect(await environment(180_000).repair(conversationId, { mayGoBack: false })).toBe('whole');
  expect(await rowOf('mailboxes', { userId: 'bob', conversationId })).toStrictEqual(row);
});

test('what is younger than the longest commit is left alone: some of it may not be visible yet', async () => {
  await restore({ head: 4, alice: 2, bob: 4, entries: 2 });
  const row = () => rowOf('mailboxes', { userId: 'alice', conversationId });
  const before = await row();
  const { sentAt = 0 } = messages[3] ?? {};
  const at = (now: number) => world.environment({ clock: { now: () => now, sleep: async () => {} } }).repair;
  const options = { members, mayGoBack: true };

  expect(await at(Number(sentAt) + 39_999)(conversationId, options)).toBe('busy');
  expect(await row()).toStrictEqual(before);
  expect(await at(Number(sentAt) + 40_000)(conversationId, options)).toBe('repaired');
});

test('without a head it needs to be told the members, and believes only those of the id', async () => {
  await restore({ head: 0, alice: 2, bob: 2, entries: 2 });
  const { repair } = environment();

  expect(await repair(conversationId, { mayGoBack: true })).toBe('unknown');
  expect(await repair(conversationId, { members: ['alice', 'mallory'], mayGoBack: true })).toBe('unknown');
  expect(await rowOf('mailboxes', { userId: 'mallory', conversationId })).toBeUndefined();
  expect(await repair(conversationId, { members, mayGoBack: true })).toBe('repaired');
});
