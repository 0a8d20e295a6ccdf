import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeMemoryCache } from '#shared/adapters/cache/memory-cache.ts';
import { directConversationId } from '#shared/domain/conversation.ts';
import type { HistoryRequest } from '#shared/protocol/requests.ts';
import { type EnvironmentOptions, intercepting, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let pairs = 0;
async function conversationOf(count: number) {
  pairs += 1;
  const [alice, bob] = [await world.join(`alice-${pairs}`), await world.join(`bob-${pairs}`)];
  const environment = world.environment();
  for (let seq = 1; seq <= count; seq += 1)
    await environment.send({ action: 'send', recipientId: bob.userId, content: `${seq}` }, alice);
  const conversationId = directConversationId(alice.userId, bob.userId);
  const history = async (
    options: EnvironmentOptions,
    fields: Omit<HistoryRequest, 'action' | 'conversationId'>,
  ) => {
    const request = { action: 'history', conversationId, ...fields } as const;
    const reply = await world.environment(options).history(request, bob, undefined);
    if (reply.type !== 'history.page') throw new Error(reply.type);
    return [reply.messages.map(({ seq }) => seq), reply.more];
  };
  return { conversationId, history };
}

type Query = { Items?: { seq?: number }[] };

/** As if message `seq` were committed, and not visible yet to the first `times` queries that reach over it. */
function hiding(seq: number, times: number) {
  const hidden = { queries: 0 };
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = (await next()) as Query;
    if (name !== 'QueryCommand' || !answer.Items?.some((item) => item.seq === seq)) return answer;
    hidden.queries += 1;
    if (hidden.queries > times) return answer;
    return { ...answer, Items: answer.Items.filter((item) => item.seq !== seq) };
  });
  return { dynamodb, hidden };
}

test('a member whose mailbox is not visible yet finds no conversation', async () => {
  const { history } = await conversationOf(1);
  const dynamodb = intercepting(world.dynamodb.client, async (_, { input }, next) =>
    (input as { TableName: string }).TableName === world.dynamodb.tableNames.mailboxes ? {} : next(),
  );

  await expect(history({ dynamodb }, {})).rejects.toMatchObject({ code: 'not_found' });
});

const noWaiting = { now: () => Date.now(), sleep: async () => {} };

test('upwards, a page ends before a young hole and says that there is more', async () => {
  const { history } = await conversationOf(5);

  const { dynamodb, hidden } = hiding(3, 99);

  expect(await history({ dynamodb, clock: noWaiting }, { after: 0 })).toStrictEqual([[1, 2], true]);
  expect(hidden.queries).toBe(3);
});

test('downwards, a page with a young hole in it is not to be had yet', async () => {
  const { history } = await conversationOf(5);

  const { dynamodb } = hiding(3, 99);

  await expect(history({ dynamodb, clock: noWaiting }, {})).rejects.toMatchObject({
    name: 'DependencyFailure',
  });
});

test('a hole that fills is waited for, both ways', async () => {
  const { history } = await conversationOf(5);

  for (const fields of [{ after: 0 }, {}]) {
    const { dynamodb } = hiding(3, 2);
    expect(await history({ dynamodb, clock: noWaiting }, fields)).toStrictEqual([[1, 2, 3, 4, 5], false]);
  }
});

test('what the tiers already have beyond a hole does not carry a reader over it', async () => {
  const { conversationId, history } = await conversationOf(5);
  const memory = makeMemoryCache();
  const rows = await world.environment().log.messages(conversationId, 4, 5);
  await memory.put(...rows);
  const { dynamodb } = hiding(3, 99);

  const page = await history({ dynamodb, clock: noWaiting, tiers: [memory] }, { after: 0 });

  expect(page).toStrictEqual([[1, 2], true]);
});

test('a hole at the very end, where nothing follows, is young as long as the conversation is', async () => {
  const { history } = await conversationOf(5);
  const later = { now: () => Date.now() + 11_000, sleep: async () => {} };

  const young = hiding(5, 99);
  expect(await history({ dynamodb: young.dynamodb, clock: noWaiting }, { after: 0 })).toStrictEqual([
    [1, 2, 3, 4],
    true,
  ]);
  const old = hiding(5, 99);
  expect(await history({ dynamodb: old.dynamodb, clock: later }, { after: 0 })).toStrictEqual([
    [1, 2, 3, 4],
    false,
  ]);
});
