import { DeleteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Requests } from '#shared/actions.ts';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import {
  clockAt,
  type EnvironmentOptions,
  intercepting,
  startWorld,
  type World,
} from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let pairs = 0;
async function conversationOf(count: number, options: EnvironmentOptions = {}) {
  pairs += 1;
  // An address of its own: the budget of one that was used an hour later is spent.
  const alice = { ...(await world.join(`alice-${pairs}`)), address: `198.51.100.${pairs}` };
  const bob = await world.join(`bob-${pairs}`);
  const send = ({ send: sendMessage } = world.environment()) =>
    sendMessage({ action: 'send', recipientId: bob.userId, content: 'message' }, alice);
  const environment = world.environment(options);
  for (let seq = 1; seq <= count; seq += 1) await send(environment);
  const conversationId = directConversationId(alice.userId, bob.userId);
  const history = async (
    options: EnvironmentOptions,
    fields: Omit<Requests['history'], 'action' | 'conversationId'>,
  ) => {
    const request = { action: 'history', conversationId, ...fields } as const;
    const reply = await world.environment(options).history(request, bob, undefined);
    if (reply.type !== 'history.page') throw new Error(reply.type);
    return [reply.messages.map(({ seq }) => seq), reply.more];
  };
  return { conversationId, history, send };
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
  const later = clockAt(Date.now() + 11_000);

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

/** Old messages, of which `spoil` takes some, and one of this moment: somebody is writing. */
async function spoilt(
  count: number,
  spoil: (conversationId: string, seq: number) => Promise<unknown>,
  seqs: number[],
) {
  const anHourAgo = clockAt(Date.now() - 3_600_000);
  const { conversationId, history, send } = await conversationOf(count, { clock: anHourAgo });
  for (const seq of seqs) await spoil(conversationId, seq);
  await send();
  return (fields: Omit<Requests['history'], 'action' | 'conversationId'>) =>
    history({ clock: noWaiting }, fields);
}

const damage = (conversationId: string, seq: number) =>
  world.dynamodb.client.send(
    new UpdateCommand({
      TableName: world.dynamodb.tableNames.messages,
      Key: { conversationId, seq },
      UpdateExpression: 'SET ciphertext = :damaged',
      ExpressionAttributeValues: { ':damaged': new Uint8Array(80) },
    }),
  );
const remove = (conversationId: string, seq: number) =>
  world.dynamodb.client.send(
    new DeleteCommand({ TableName: world.dynamodb.tableNames.messages, Key: { conversationId, seq } }),
  );

const seqsBut = (from: number, to: number, ...left: number[]) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((seq) => !left.includes(seq));

test.for([
  ['unreadable', damage],
  ['deleted', remove],
] as const)(
  'an old message that is %s does not hold up a conversation that is written in',
  async ([, spoil]) => {
    const page = await spoilt(60, spoil, [36]);

    // The newest page is read by steps of 25, and 36 is the end of its second one.
    expect(await page({})).toStrictEqual([seqsBut(11, 61, 36), true]);
    expect(await page({ before: 37, limit: 10 })).toStrictEqual([seqsBut(26, 35), true]);
    expect(await page({ after: 11, limit: 25 })).toStrictEqual([seqsBut(12, 37, 36), true]);
  },
);

test('neither does a stretch that was deleted', async () => {
  const page = await spoilt(60, remove, seqsBut(1, 55));

  expect(await page({})).toStrictEqual([seqsBut(56, 61), false]);
  expect(await page({ before: 30 })).toStrictEqual([[], false]);
  expect(await page({ after: 0 })).toStrictEqual([seqsBut(56, 61), false]);
});

test('an old message that does not open holds nothing up even where the next one is of this moment', async () => {
  const page = await spoilt(3, damage, [3]);

  expect(await page({})).toStrictEqual([[1, 2, 4], false]);
});

test('what comes after a stretch is asked for once, also where there is nothing', async () => {
  const { conversationId, history } = await conversationOf(10);
  for (const seq of seqsBut(2, 10)) await remove(conversationId, seq);
  let queries = 0;
  const dynamodb = intercepting(world.dynamodb.client, (name, _, next) => {
    if (name === 'QueryCommand') queries += 1;
    return next();
  });
  const later = clockAt(Date.now() + 11_000);

  expect(await history({ dynamodb, clock: later }, { before: 9, limit: 7 })).toStrictEqual([[1], false]);

  // The seven of the first step three times, what is above them, and the step that finds 1.
  expect(queries).toBe(3 + 1 + 1);
});
