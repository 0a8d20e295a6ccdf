import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type BatchGetCommandInput, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noRecentSends, type RecentSends, rememberSend } from '#shared/log/recent-sends.ts';
import { intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
/** Two users of this test alone. */
const pair = (): [string, string] => {
  users += 1;
  return [`alice-${users}`, `bob-${users}`];
};

const storedMessages = (conversationId: string) => world.environment().log.messages(conversationId, 1, 1_000);
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('a message is confirmed, pushed to the recipient and to the sender’s other connection, and leaves a witness', async () => {
  const [alice, bob] = pair();
  const [from, other, to] = [await world.join(alice), await world.join(alice), await world.join(bob)];

  const reply = await world
    .environment()
    .send({ action: 'send', recipientId: bob, content: 'hello', clientMessageId: 'c1' }, from);

  const { message } = reply;
  expect(reply).toStrictEqual({ type: 'message.sent', messageId: message.messageId, message });
  expect(message).toMatchObject({
    seq: 1,
    senderId: alice,
    recipientId: bob,
    content: 'hello',
    clientMessageId: 'c1',
  });
  const { clientMessageId: _, ...asSeenByBob } = message;
  expect(world.gateway.pushes(to.connectionId)).toStrictEqual([
    { type: 'message.new', messageId: message.messageId, message: asSeenByBob },
  ]);
  expect(world.gateway.pushes(other.connectionId)).toStrictEqual([
    { type: 'message.new', messageId: message.messageId, message },
  ]);
  expect(world.gateway.pushes(from.connectionId)).toStrictEqual([]);
  expect(world.left).toContainEqual({
    recipientId: bob,
    conversationId: message.conversationId,
    seq: 1,
    messageId: message.messageId,
  });
});

test('parallel senders, first messages of both sides included, get a gap-free seq', async () => {
  const [alice, bob] = pair();
  const [a, b] = [await world.join(alice), await world.join(bob)];
  const environments = numbers(6).map(() => world.environment());

  const replies = await Promise.all(
    environments.flatMap((environment, index) => [
      environment.send({ action: 'send', recipientId: bob, content: `a${index}` }, a),
      environment.send({ action: 'send', recipientId: alice, content: `b${index}` }, b),
    ]),
  );

  const seqs = replies.map(({ message }) => message.seq).sort((one, other) => one - other);
  expect(seqs).toStrictEqual(numbers(12));
  const [first] = replies;
  const stored = await storedMessages(first?.message.conversationId ?? '');
  expect(stored.map(({ messageId, seq }) => [seq, messageId])).toStrictEqual(
    replies
      .map(({ message }) => [message.seq, message.messageId])
      .sort(([one], [other]) => Number(one) - Number(other)),
  );
  const counts = stored.filter(({ senderId }) => senderId === alice).map(({ senderCount }) => senderCount);
  expect(counts).toStrictEqual(numbers(6));
});

test('parallel duplicates over several connections make one message', async () => {
  const [alice, bob] = pair();
  const sessions = await Promise.all(numbers(6).map(() => world.join(alice)));
  const request = { action: 'send', recipientId: bob, content: 'once', clientMessageId: 'same' } as const;

  const replies = await Promise.all(sessions.map((session) => world.environment().send(request, session)));

  expect(new Set(replies.map(({ messageId }) => messageId)).size).toBe(1);
  expect(replies.filter(({ duplicate }) => duplicate === undefined)).toHaveLength(1);
  expect(await storedMessages(replies[0]?.message.conversationId ?? '')).toHaveLength(1);
});

test('a mailbox that a batch returned one message late is read again, so that no remembered send is lost', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const send = (environment = world.environment(), clientMessageId = 'first') =>
    environment.send({ action: 'send', recipientId: bob, content: 'x', clientMessageId }, session);
  await send();
  let before: Record<string, unknown>[] = [];
  let stale = 0;
  const late = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = (await next()) as { Responses?: Record<string, Record<string, unknown>[]> };
    const mailboxes = world.dynamodb.tableNames.mailboxes;
    if (name !== 'BatchGetCommand' || !answer.Responses?.[mailboxes]) return answer;
    if (before.length === 0) before = answer.Responses[mailboxes];
    else if (stale === 0) {
      stale += 1;
      return { ...answer, Responses: { ...answer.Responses, [mailboxes]: before } };
    }
    return answer;
  });
  const environment = world.environment({ dynamodb: late });
  await send(environment, 'second');

  const reply = await send(environment, 'second');

  expect(stale).toBe(1);
  expect(reply.duplicate).toBe(true);
  expect(await storedMessages(reply.message.conversationId)).toHaveLength(2);
});

test('keys that a batch left unprocessed are asked for again: they are not absent', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  await world.environment().relationships.block(bob, alice);
  let left = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    if (name !== 'BatchGetCommand' || left > 0) return next();
    left += 1;
    return { Responses: {}, UnprocessedKeys: (command.input as { RequestItems: object }).RequestItems };
  });

  const sending = world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  await expect(sending).rejects.toMatchObject({ code: 'forbidden' });
  expect(left).toBe(1);
});

test('a remembered digest is only a hint: the stored clientMessageId decides', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const send = (clientMessageId: string) =>
    world.environment().send({ action: 'send', recipientId: bob, content: 'x', clientMessageId }, session);
  const { message } = await send('another');
  // As if the id of the first message had the same first 6 bytes of its digest as the second one's.
  await rewriteRecentSends(alice, message.conversationId, rememberSend(noRecentSends, 'mine', message.seq));

  const reply = await send('mine');

  expect(reply.duplicate).toBeUndefined();
  expect(reply.message).toMatchObject({ seq: 2, clientMessageId: 'mine' });
});

async function rewriteRecentSends(userId: string, conversationId: string, recentSends: RecentSends) {
  await world.dynamodb.client.send(
    new UpdateCommand({
      TableName: world.dynamodb.tableNames.mailboxes,
      Key: { userId, conversationId },
      UpdateExpression: 'SET recentSends = :recentSends',
      ExpressionAttributeValues: { ':recentSends': recentSends },
    }),
  );
}

test('the same clientMessageId with another content is refused', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const send = (content: string) =>
    world.environment().send({ action: 'send', recipientId: bob, content, clientMessageId: 'c' }, session);
  await send('one');

  await expect(send('two')).rejects.toMatchObject({ code: 'bad_request' });
});

test('a committed message stays confirmed although its sender was blocked meanwhile, and is pushed again', async () => {
  const [alice, bob] = pair();
  const [from, to] = [await world.join(alice), await world.join(bob)];
  const request = { action: 'send', recipientId: bob, content: 'x', clientMessageId: 'c' } as const;
  const first = await world.environment().send(request, from);
  await world.environment().block({ action: 'block', userId: alice }, to);

  const again = await world.environment().send(request, from);

  expect(again).toStrictEqual({ ...first, duplicate: true });
  expect(world.gateway.pushes(to.connectionId)).toHaveLength(2);
  const another = world.environment().send({ ...request, clientMessageId: 'd' }, from);
  await expect(another).rejects.toMatchObject({ code: 'forbidden' });
});

test('65 sends later the 64 before it are still remembered, and the first one no more', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const environment = world.environment();
  const send = (index: number) =>
    environment.send(
      { action: 'send', recipientId: bob, content: `${index}`, clientMessageId: `${index}` },
      session,
    );
  for (const index of numbers(65)) await send(index);

  expect(await send(2)).toMatchObject({ duplicate: true, message: { seq: 2 } });
  expect(await send(1)).toMatchObject({ message: { seq: 66 } });
});

test.for([
  ['TransactionConflict', 'retried'],
  ['ThrottlingError', 'retried'],
  ['ProvisionedThroughputExceeded', 'retried'],
  ['ValidationError', 'refused'],
  ['ItemCollectionSizeLimitExceeded', 'refused'],
] as const)('a transaction cancelled for %s is %s', async ([Code, outcome]) => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  let transactions = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name !== 'TransactWriteCommand') return next();
    transactions += 1;
    if (transactions > 1) return next();
    throw new TransactionCanceledException({
      message: 'cancelled',
      $metadata: { httpStatusCode: 400 },
      CancellationReasons: [{ Code }, { Code: 'None' }, { Code: 'None' }, { Code: 'None' }],
    });
  });

  const sending = world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  if (outcome === 'retried') await expect(sending).resolves.toMatchObject({ message: { seq: 1 } });
  else await expect(sending).rejects.toMatchObject({ name: 'TransactionCanceledException' });
  expect(transactions).toBe(outcome === 'retried' ? 2 : 1);
});

test('a connection that becomes ready between the look-up and the commit gets its push', async () => {
  const [alice, bob] = pair();
  const from = await world.join(alice);
  let to: { connectionId: string } | undefined;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name === 'TransactWriteCommand') {
      // The look-up beside the commit has seen nobody by now, or soon.
      await new Promise((resolve) => setTimeout(resolve, 100));
      to = await world.join(bob);
    }
    return next();
  });

  await world.environment({ dynamodb }).send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(world.gateway.pushes(to?.connectionId ?? '')).toHaveLength(1);
});

test('nothing is pushed before the first reconnect, after the expiry, in another life, or to a connection that is gone', async () => {
  const [alice, bob] = pair();
  const from = await world.join(alice);
  const opening = await world.join(bob, { ready: false });
  const expired = await world.join(bob, { expiresAt: Date.now() - 1 });
  const ofAnotherLife = await world.join(bob, { epoch: 'another life' });
  const gone = await world.join(bob);
  const alive = await world.join(bob);
  world.gateway.gone.add(gone.connectionId);

  await world.environment().send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(world.gateway.pushes(opening.connectionId)).toStrictEqual([]);
  expect(world.gateway.pushes(expired.connectionId)).toStrictEqual([]);
  expect(world.gateway.pushes(ofAnotherLife.connectionId)).toStrictEqual([]);
  expect(world.gateway.pushes(alive.connectionId)).toHaveLength(1);
  const rows = (await world.environment().connections.of(bob, 'strong')).map(
    ({ connectionId }) => connectionId,
  );
  expect(rows).toContain(opening.connectionId);
  expect(rows).not.toContain(gone.connectionId);
});

test('what fails after the commit is counted and never turns success into failure', async () => {
  const [alice, bob] = pair();
  const [from] = [await world.join(alice), await world.join(bob)];
  const fail = async () => {
    throw sdkError('ServiceUnavailable', 503);
  };
  const environment = world.environment({
    gateway: { post: fail, close: fail },
    queue: { leave: fail },
    tiers: [{ put: fail, range: fail, drop: fail }],
  });

  const reply = await environment.send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(reply.message.seq).toBe(1);
  for (const counter of ['PushFailed', 'WitnessFailed', 'DeliverNowFailed'])
    expect(world.telemetry.counts.get(counter)).toBeGreaterThan(0);
});

test('one gone and one failing connection do not keep the push from the others, and all is awaited', async () => {
  const [alice, bob] = pair();
  const from = await world.join(alice);
  const [failing, slow] = [await world.join(bob), await world.join(bob)];
  const posted: string[] = [];
  const gateway = {
    async post(connectionId: string) {
      if (connectionId === failing.connectionId) throw sdkError('LimitExceededException', 429);
      await new Promise((resolve) => setTimeout(resolve, 200));
      posted.push(connectionId);
      return 'posted' as const;
    },
    close: async () => 'closed' as const,
  };

  await world.environment({ gateway }).send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(posted).toStrictEqual([slow.connectionId]);
});

test('pushes that hang do not hold up the confirmation for ever', async () => {
  const [alice, bob] = pair();
  const [from] = [await world.join(alice), await world.join(bob)];
  const slept: number[] = [];
  const clock = { now: Date.now, sleep: async (ms: number) => void slept.push(ms) };
  const gateway = { post: () => new Promise<never>(() => {}), close: async () => 'closed' as const };

  const reply = await world
    .environment({ gateway, clock })
    .send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(reply.message.seq).toBe(1);
  expect(slept).toContain(1_500);
});

test('more than a page of connections is reached', async () => {
  const [alice, bob] = pair();
  const from = await world.join(alice);
  const sessions = await Promise.all(numbers(25).map(() => world.join(bob)));
  const paged = intercepting(world.dynamodb.client, async (name, command, next) => {
    if (name === 'QueryCommand') Object.assign(command.input as object, { Limit: 7 });
    return next();
  });

  await world.environment({ dynamodb: paged }).send({ action: 'send', recipientId: bob, content: 'x' }, from);

  for (const { connectionId } of sessions) expect(world.gateway.pushes(connectionId)).toHaveLength(1);
});

test('writing to oneself, or into a conversation that is not one’s own, is refused', async () => {
  const [alice, bob] = pair();
  const [a, stranger] = [await world.join(alice), await world.join(`stranger-${alice}`)];
  const environment = world.environment();
  const { message } = await environment.send({ action: 'send', recipientId: bob, content: 'x' }, a);
  const into = (conversationId: string) => ({ action: 'send', conversationId, content: 'x' }) as const;

  await expect(
    environment.send({ action: 'send', recipientId: alice, content: 'x' }, a),
  ).rejects.toMatchObject({
    code: 'bad_request',
  });
  await expect(environment.send(into(message.conversationId), stranger)).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(environment.send(into('nowhere'), a)).rejects.toMatchObject({ code: 'not_found' });
  await expect(environment.send(into('x'.repeat(43)), a)).rejects.toMatchObject({ code: 'not_found' });
  expect(await environment.send(into(message.conversationId), a)).toMatchObject({
    message: { seq: 2, recipientId: bob },
  });
});

test('a connection that was seen opening, and is ready by the commit, gets its push', async () => {
  const [alice, bob] = pair();
  const from = await world.join(alice);
  const to = await world.join(bob, { ready: false });
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name === 'TransactWriteCommand') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await world.environment().connections.markReady(to);
    }
    return next();
  });

  await world.environment({ dynamodb }).send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(world.gateway.pushes(to.connectionId)).toHaveLength(1);
});

test('sends into conversations that do not exist are charged like any other', async () => {
  const [alice] = pair();
  const session = await world.join(alice);
  const rateLimits = JSON.stringify({ messagesPerUser: { burst: 1, refillPerSecond: 0.001 } });
  const environment = world.environment({ rateLimits });
  const guess = (letter: string) =>
    environment.send({ action: 'send', conversationId: letter.repeat(43), content: 'x' }, session);

  await expect(guess('a')).rejects.toMatchObject({ code: 'not_found' });
  await expect(guess('b')).rejects.toMatchObject({ code: 'rate_limited' });
});

test('a remembered send whose message is not visible yet is never refused for good', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const request = { action: 'send', recipientId: bob, content: 'x', clientMessageId: 'c' } as const;
  const first = await world.environment().send(request, session);
  const hiding = (times: number) => {
    let reads = 0;
    return intercepting(world.dynamodb.client, async (name, command, next) => {
      const { RequestItems = {} } = command.input as BatchGetCommandInput;
      if (name !== 'BatchGetCommand' || !RequestItems[world.dynamodb.tableNames.messages]) return next();
      reads += 1;
      return reads > times ? next() : {};
    });
  };
  const again = (times: number) => world.environment({ dynamodb: hiding(times) }).send(request, session);

  expect(await again(2)).toMatchObject({ messageId: first.messageId, duplicate: true });
  await expect(again(99)).rejects.toMatchObject({ name: 'DependencyFailure' });
});

test('the last request of a commit begins within 3 s of its witness', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const start = Date.now();
  let now = start;
  const begun: number[] = [];
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name !== 'TransactWriteCommand') return next();
    begun.push(now - start);
    now += 2_000;
    throw Object.assign(new Error('late'), { name: 'TimeoutError' });
  });
  const clock = { now: () => now, sleep: async () => {} };

  const sending = world
    .environment({ dynamodb, clock })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  await expect(sending).rejects.toMatchObject({ name: 'OutcomeUnknown' });
  expect(begun).toStrictEqual([0, 2_000]);
});

test('what is left behind when the time is up is counted', async () => {
  const [alice, bob] = pair();
  const [from] = [await world.join(alice), await world.join(bob)];
  const counts = () =>
    ['WitnessFailed', 'DeliverNowFailed'].map((name) => world.telemetry.counts.get(name) ?? 0);
  const before = counts();
  const hang = () => new Promise<never>(() => {});
  const environment = world.environment({
    clock: { now: Date.now, sleep: async () => {} },
    gateway: { post: hang, close: async () => 'closed' as const },
    queue: { leave: hang },
  });

  await environment.send({ action: 'send', recipientId: bob, content: 'x' }, from);

  expect(counts()).toStrictEqual(before.map((count) => count + 1));
});
