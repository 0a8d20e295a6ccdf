import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import type { Session } from '#test/support/world.ts';
import { intercepting, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

interface Read {
  readonly TableName?: string;
  readonly ConsistentRead?: boolean;
}

const isRead = (name: string) => /^(Get|Query|BatchGet|Scan|TransactGet)/.test(name);

/** The reads of one command: which table, and whether they see everything that was written before. */
function readsOf(input: unknown): string[] {
  const { RequestItems, ...whole } = input as Read & { RequestItems?: Record<string, Read> };
  const reads = RequestItems
    ? Object.entries(RequestItems).map(([TableName, read]) => ({ ...read, TableName }))
    : [whole];
  return reads.map(({ TableName, ConsistentRead }) => {
    const [id] = Object.entries(world.dynamodb.tableNames).find(([, name]) => name === TableName) ?? [];
    return `${id} ${ConsistentRead ? 'consistent' : 'eventual'}`;
  });
}

type Environment = ReturnType<World['environment']>;
type Use = (environment: Environment, session: Session, otherUser: string) => Promise<unknown>;

const conversationOf = (session: Session, otherUser: string) =>
  directConversationId(session.userId, otherUser);

/** Where `eventual` stands, another read or the next reconnect makes up for it. */
const uses: Record<string, readonly [use: Use, reads: readonly string[]]> = {
  'a send': [
    (environment, session, recipientId) =>
      environment.send({ action: 'send', recipientId, content: 'y' }, session),
    [
      'connections consistent',
      'connections eventual',
      'conversations consistent',
      'mailboxes consistent',
      'relationships consistent',
    ],
  ],
  'a repeated send': [
    (environment, session, recipientId) =>
      environment.send({ action: 'send', recipientId, content: 'x', clientMessageId: 'c' }, session),
    [
      'connections consistent',
      'conversations consistent',
      'mailboxes consistent',
      'messages consistent',
      'relationships consistent',
    ],
  ],
  'a reconnect': [
    (environment, session) => environment.reconnect({ action: 'reconnect' }, session, undefined),
    ['conversations consistent', 'mailboxes consistent', 'messages consistent'],
  ],
  'an ack': [
    (environment, session, other) =>
      environment.acknowledge(
        { action: 'ack', positions: new Map([[conversationOf(session, other), 1]]) },
        session,
      ),
    ['connections eventual', 'conversations consistent'],
  ],
  'a read': [
    (environment, session, other) =>
      environment.markRead(
        { action: 'read', conversationId: conversationOf(session, other), seq: 1 },
        session,
      ),
    ['connections eventual', 'conversations consistent', 'mailboxes consistent'],
  ],
  history: [
    (environment, session, other) =>
      environment.history(
        { action: 'history', conversationId: conversationOf(session, other) },
        session,
        undefined,
      ),
    ['conversations consistent', 'mailboxes consistent', 'messages consistent'],
  ],
  'a list of conversations': [
    (environment, session) => environment.conversations({ action: 'conversations' }, session, undefined),
    ['conversations consistent', 'mailboxes consistent'],
  ],
  'a later delivery': [
    async (environment, { userId }) => {
      const reference = world.left.find(({ recipientId }) => recipientId === userId);
      if (!reference) throw new Error('Nobody left a reference.');
      await environment.deliverLater(reference);
    },
    ['connections consistent', 'conversations consistent', 'mailboxes consistent', 'messages consistent'],
  ],
};

let users = 0;

test.for(Object.entries(uses))('%s reads what was committed before', async ([, [use, expected]]) => {
  users += 1;
  const [session, other] = [await world.join(`alice-${users}`), await world.join(`bob-${users}`)];
  const request = { action: 'send', content: 'x', clientMessageId: 'c' } as const;
  for (const [from, to] of [
    [session, other],
    [other, session],
  ] as const)
    await world.environment().send({ ...request, recipientId: to.userId }, from);
  const reads = new Set<string>();
  const dynamodb = intercepting(world.dynamodb.client, (name, { input }, next) => {
    if (isRead(name)) for (const read of readsOf(input)) reads.add(read);
    return next();
  });

  await use(world.environment({ dynamodb, tiers: [] }), session, other.userId);

  expect([...reads].filter((read) => !read.startsWith('dataKeys ')).sort()).toStrictEqual(expected);
});

test('reading beyond the remembered sends counts from a consistent read, too', async () => {
  const [session, other] = [await world.join('alice-many'), await world.join('bob-many')];
  const environment = world.environment();
  for (let sent = 0; sent < 66; sent += 1)
    await environment.send({ action: 'send', recipientId: other.userId, content: 'x' }, session);
  const reads: string[] = [];
  const dynamodb = intercepting(world.dynamodb.client, (name, { input }, next) => {
    if (name === 'GetCommand') reads.push(...readsOf(input));
    return next();
  });
  const conversationId = conversationOf(session, other.userId);

  await world.environment({ dynamodb }).markRead({ action: 'read', conversationId, seq: 1 }, session);

  expect(reads).toStrictEqual(['mailboxes consistent', 'messages consistent']);
});
