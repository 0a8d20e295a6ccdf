import { randomUUID } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import { hourOf } from '#shared/mailboxes/mailbox.ts';
import { makeCallRecorder } from '#test/support/call-recorder.ts';
import { growMailboxes } from '#test/support/grown-mailboxes.ts';
import type { Session } from '#test/support/world.ts';
import { type EnvironmentOptions, intercepting, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const hour = 3_600_000;
const noon = Date.UTC(2026, 5, 1, 12);

const newSession = (): Session => ({
  userId: `user-${randomUUID()}`,
  connectionId: 'connection',
  address: '192.0.2.1',
  expiresAt: Number.POSITIVE_INFINITY,
});

type Environment = ReturnType<World['environment']>;

async function pageOf(environment: Environment, session: Session, limit: number, cursor?: string) {
  const reply = await environment.conversations(
    { action: 'conversations', limit, ...(cursor !== undefined && { cursor }) },
    session,
    undefined,
  );
  if (reply.type !== 'conversations.page') throw new Error(reply.type);
  return { ids: reply.conversations.map(({ conversationId }) => conversationId), cursor: reply.cursor };
}

/** Every page by its cursor, until there is none. */
async function pagesOf(session: Session, limit: number, options: EnvironmentOptions): Promise<string[][]> {
  const environment = world.environment(options);
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(environment, session, limit, cursor);
    pages.push(page.ids);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}

/** The whole list as the protocol has it: the newest first, the id decides between equals. */
function newestFirst(times: readonly number[], ids: readonly string[]): string[] {
  return ids
    .map((id, index) => ({ id, time: times[index] ?? 0 }))
    .sort((one, other) => other.time - one.time || (one.id < other.id ? -1 : 1))
    .map(({ id }) => id);
}

test('whatever the hours, the limit and the way of reading, the pages are the list in its order', async () => {
  const minutes = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 60 * 24 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(minutes, { maxLength: 30 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 40 }),
      async (ages, limit, fewMailboxes) => {
        const session = newSession();
        const times = ages.map((age) => noon - age * 60_000);
        const ids = await growMailboxes(
          world,
          session.userId,
          times.map((lastMessageAt) => ({ lastMessageAt })),
        );

        const pages = await pagesOf(session, limit, { fewMailboxes });

        expect(pages.flat()).toStrictEqual(newestFirst(times, ids));
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        expect(pages).toHaveLength(Math.max(1, Math.ceil(ids.length / limit)));
      },
    ),
    { numRuns: 40 },
  );
});

test('a send moves the conversation to its hour for both members, and the index with it', async () => {
  let now = noon;
  const clock = { now: () => now, sleep: async () => {} };
  const environment = world.environment({ clock, fewMailboxes: 1 });
  const [alice, bob, carol] = [newSession(), newSession(), newSession()];
  const write = (from: Session, to: Session) =>
    environment.send({ action: 'send', recipientId: to.userId, content: 'hello' }, from);
  const withBob = directConversationId(alice.userId, bob.userId);
  const withCarol = directConversationId(alice.userId, carol.userId);
  const hourAt = async ({ userId }: Session, conversationId: string) => {
    const key = { TableName: world.dynamodb.tableNames.mailboxes, Key: { userId, conversationId } };
    return (await world.dynamodb.client.send(new GetCommand(key))).Item?.activeHour;
  };

  await write(alice, bob);
  now += hour;
  await write(carol, alice);
  expect((await pageOf(environment, alice, 10)).ids).toStrictEqual([withCarol, withBob]);
  now += hour;
  await write(bob, alice);

  expect((await pageOf(environment, alice, 10)).ids).toStrictEqual([withBob, withCarol]);
  expect(await hourAt(alice, withBob)).toBe(hourOf(noon) + 2);
  expect(await hourAt(bob, withBob)).toBe(hourOf(noon) + 2);
  expect(await hourAt(alice, withCarol)).toBe(hourOf(noon) + 1);
});

test('what moves up between the index and its row is where its row says', async () => {
  const session = newSession();
  const times = [noon, noon - hour, noon - 2 * hour, noon - 3 * hour];
  const ids = await growMailboxes(
    world,
    session.userId,
    times.map((lastMessageAt) => ({ lastMessageAt })),
  );
  const moving = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name === 'BatchGetCommand')
      await growMailboxes(world, session.userId, [
        { lastMessageAt: noon },
        { lastMessageAt: noon - hour },
        { lastMessageAt: noon + hour },
      ]);
    return next();
  });

  const { ids: first, cursor } = await pageOf(
    world.environment({ dynamodb: moving, fewMailboxes: 1 }),
    session,
    2,
  );

  expect(first).toStrictEqual([ids[2], ids[0]]);
  const rest = await pageOf(world.environment({ fewMailboxes: 1 }), session, 2, cursor);
  expect(rest.ids).toStrictEqual([ids[1], ids[3]]);
});

test('every read of a list is consistent: what was confirmed before is in it', async () => {
  const session = newSession();
  await growMailboxes(world, session.userId, [{ lastMessageAt: noon }, { lastMessageAt: noon - hour }]);
  const reads: unknown[] = [];
  const watching = intercepting(world.dynamodb.client, (name, { input }, next) => {
    const { ConsistentRead, RequestItems } = input as {
      ConsistentRead?: boolean;
      RequestItems?: Record<string, { ConsistentRead?: boolean }>;
    };
    if (name === 'QueryCommand') reads.push(ConsistentRead);
    if (name === 'BatchGetCommand')
      reads.push(...Object.values(RequestItems ?? {}).map((table) => table.ConsistentRead));
    return next();
  });

  for (const fewMailboxes of [1, 300])
    await pageOf(world.environment({ dynamodb: watching, fewMailboxes }), session, 10);

  expect(reads).toStrictEqual([true, true, true, true, true, true]);
});

/** What the first page of 50 takes, and the second, where there is an hour between conversations. */
async function costOfPages(conversations: number) {
  const session = newSession();
  await growMailboxes(
    world,
    session.userId,
    Array.from({ length: conversations }, (_, index) => ({
      lastMessageAt: noon - index * hour,
    })),
  );
  const recorder = makeCallRecorder();
  const environment = world.environment({ dynamodb: recorder.dynamodb(world.dynamodb.client) });
  const reads = () =>
    recorder.calls
      .filter(({ name }) => name !== 'UpdateCommand')
      .map(({ name, readUnits }) => `${name} ${readUnits}`);
  const { cursor } = await pageOf(environment, session, 50);
  const first = reads();
  recorder.reset();
  await pageOf(environment, session, 50, cursor);
  return { first, second: reads() };
}

test('a page costs the same whether there are 400 conversations or 1,200', async () => {
  const some = await costOfPages(400);
  const many = await costOfPages(1_200);

  expect(many).toStrictEqual(some);
  expect(some).toStrictEqual({
    // The first 300 rows; the keys of 102; 51 rows, one of them to know whether there is more; the heads of 50.
    first: ['QueryCommand 11', 'QueryCommand 3', 'BatchGetCommand 51', 'BatchGetCommand 50'],
    // With one row more: that of the cursor’s own hour.
    second: ['QueryCommand 3', 'BatchGetCommand 52', 'BatchGetCommand 50'],
  });
});

test('whoever has few conversations is read whole, which costs less', async () => {
  const { first } = await costOfPages(100);

  expect(first).toStrictEqual(['QueryCommand 4', 'BatchGetCommand 50']);
});

test('an hour with very many conversations is read in few calls, and in order', async () => {
  const session = newSession();
  const times = Array.from({ length: 700 }, (_, index) => noon + ((index * 7) % 700) * 1_000);
  const ids = await growMailboxes(
    world,
    session.userId,
    times.map((lastMessageAt) => ({ lastMessageAt })),
  );
  const recorder = makeCallRecorder();
  const environment = world.environment({ dynamodb: recorder.dynamodb(world.dynamodb.client) });

  const page = await pageOf(environment, session, 1);

  expect(page.ids).toStrictEqual(newestFirst(times, ids).slice(0, 1));
  const queries = recorder.calls.filter(({ name }) => name === 'QueryCommand');
  // Whole rows first, then keys: 4, 8, 16 … 512 at a time.
  expect(queries).toHaveLength(9);
  const rows = recorder.calls.filter(({ name }) => name === 'BatchGetCommand');
  expect(rows.map(({ readUnits }) => readUnits)).toStrictEqual([100, 100, 100, 100, 100, 100, 100, 1]);
});

test('a page pays for what it read, not for what it shows: an hour in which everything was active is dear', async () => {
  const session = newSession();
  await growMailboxes(
    world,
    session.userId,
    Array.from({ length: 700 }, (_, index) => ({ lastMessageAt: noon + index })),
  );
  const rateLimits = JSON.stringify({ requestsPerUser: { burst: 21, refillPerSecond: 1 } });
  const clock = { now: () => noon + hour, sleep: async () => {} };
  const environment = world.environment({ rateLimits, clock, fewMailboxes: 10 });

  // One unit, and one for each 25 rows beyond 300: the second one leaves 13 of debt.
  const { cursor } = await pageOf(environment, session, 1);
  await pageOf(environment, session, 1, cursor);

  const third = pageOf(world.environment({ rateLimits, clock, fewMailboxes: 10 }), session, 1);
  await expect(third).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 14_000 });
});

test('and one that reads no more than most does costs nothing beside its charge', async () => {
  const session = newSession();
  await growMailboxes(
    world,
    session.userId,
    Array.from({ length: 300 }, (_, index) => ({ lastMessageAt: noon + index })),
  );
  const recorder = makeCallRecorder();
  const environment = world.environment({ dynamodb: recorder.dynamodb(world.dynamodb.client) });

  await pageOf(environment, session, 1);

  expect(recorder.calls.filter(({ name }) => name === 'UpdateCommand')).toHaveLength(1);
});
