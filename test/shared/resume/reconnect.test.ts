import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { byteLength } from '#shared/protocol/fields.ts';
import type { Message, Reply } from '#shared/protocol/replies.ts';
import type { Session } from '#test/support/world.ts';
import {
  clockAt,
  type EnvironmentOptions,
  intercepting,
  startWorld,
  testEpoch,
  type World,
} from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

type Done = Extract<Reply, { type: 'reconnect.done' }>;

let users = 0;
const user = (name: string): string => {
  users += 1;
  return `${name}-${users}`;
};

let senders = 0;

/** Over an address of its own: many senders side by side would get in each other's way at the limit of one. */
async function sendMany(from: string, to: string, count: number, content = 'message'): Promise<string> {
  senders += 1;
  const address = `10.0.${Math.floor(senders / 256)}.${senders % 256}`;
  const [environment, session] = [world.environment(), await world.join(from, { address })];
  let conversationId = '';
  for (let index = 1; index <= count; index += 1) {
    const request = { action: 'send', recipientId: to, content: `${content} ${index}` } as const;
    conversationId = (await environment.send(request, session)).message.conversationId;
  }
  return conversationId;
}

/** What a `reconnect` over a connection of its own gives, and the frames' sizes. */
async function reconnect(
  userId: string,
  fields: Omit<Requests['reconnect'], 'action'> = {},
  environment = world.environment(),
  session?: Session,
) {
  const own = session ?? (await world.join(userId, { ready: false }));
  await environment.reconnect({ action: 'reconnect', ...fields }, own, 'r1');
  const frames = world.gateway.frames.get(own.connectionId) ?? [];
  const messages = frames.flatMap((frame): readonly Message[] =>
    frame.type === 'reconnect.page' ? frame.messages : [],
  );
  const done = frames.at(-1) as Done;
  expect(done).toMatchObject({ type: 'reconnect.done', requestId: 'r1' });
  return { messages, done, frames, session: own };
}

test('it delivers what is missing in order, with the end marker, and from then on pushes come', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  const conversationId = await sendMany(alice, bob, 3);

  const { messages, done, session } = await reconnect(bob);

  expect(messages.map(({ seq, content }) => [seq, content])).toStrictEqual([
    [1, 'message 1'],
    [2, 'message 2'],
    [3, 'message 3'],
  ]);
  expect(done).toStrictEqual({
    type: 'reconnect.done',
    requestId: 'r1',
    conversations: [{ conversationId, lastSeq: 3, deliveredSeq: 0, readSeq: 0 }],
    more: false,
    epoch: testEpoch,
  });
  await sendMany(alice, bob, 1);
  expect(world.gateway.pushes(session.connectionId)).toHaveLength(1);
});

test('positions count for what they name, and zero for what they do not, unless "only" is given', async () => {
  const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')];
  const fromAlice = await sendMany(alice, bob, 3);
  const fromCarol = await sendMany(carol, bob, 2);
  const seqs = async (fields: Omit<Requests['reconnect'], 'action'>) =>
    (await reconnect(bob, fields)).messages
      .map(({ conversationId, seq }) => `${conversationId === fromAlice ? 'alice' : 'carol'} ${seq}`)
      .sort();

  expect(await seqs({ positions: new Map([[fromAlice, 2]]) })).toStrictEqual([
    'alice 3',
    'carol 1',
    'carol 2',
  ]);
  expect(await seqs({ positions: new Map([[fromAlice, 2]]), only: true })).toStrictEqual(['alice 3']);
  expect(
    await seqs({
      positions: new Map([
        [fromAlice, 9],
        [fromCarol, 2],
        ['not mine', 0],
      ]),
    }),
  ).toStrictEqual([]);
});

test('without positions it begins at what was acknowledged', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  const conversationId = await sendMany(alice, bob, 3);
  const session = await world.join(bob);
  await world
    .environment()
    .acknowledge({ action: 'ack', positions: new Map([[conversationId, 2]]) }, session);

  const { messages, done } = await reconnect(bob);

  expect(messages.map(({ seq }) => seq)).toStrictEqual([3]);
  expect(done.conversations).toMatchObject([{ deliveredSeq: 2 }]);
  expect((await reconnect(alice)).messages.map(({ seq }) => seq)).toStrictEqual([1, 2, 3]);
});

test('every frame stays within 32 KB, and long messages are paged', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 12, 'x'.repeat(9_000));

  const { messages, frames } = await reconnect(bob);

  expect(messages.map(({ seq }) => seq)).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(frames).toHaveLength(5);
  for (const frame of frames) expect(byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(32_768);
});

test('a message that is committed between the row and the mailboxes is in the pages', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  let sent = false;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = await next();
    if (name === 'UpdateCommand' && !sent) {
      sent = true;
      await sendMany(alice, bob, 1);
    }
    return answer;
  });

  const { messages } = await reconnect(bob, {}, world.environment({ dynamodb }));

  expect(sent).toBe(true);
  expect(messages).toHaveLength(1);
});

type Query = { Items?: { seq?: number }[] };
/** As if message `seq` were not visible to the first `times` queries. */
const hiding = (seq: number, times: number) => {
  let queries = 0;
  return intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = (await next()) as Query;
    if (name !== 'QueryCommand' || !answer.Items?.some((item) => item.seq === seq)) return answer;
    queries += 1;
    return queries > times ? answer : { ...answer, Items: answer.Items.filter((item) => item.seq !== seq) };
  });
};

test('a hole that fills is waited for', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 3);

  const { messages, done } = await reconnect(bob, {}, world.environment({ dynamodb: hiding(2, 2) }));

  expect(messages.map(({ seq }) => seq)).toStrictEqual([1, 2, 3]);
  expect(done.more).toBe(false);
});

test('a young hole is not passed over: the rest is told to come', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 3);

  const { messages, done } = await reconnect(bob, {}, world.environment({ dynamodb: hiding(2, 99) }));

  expect(messages.map(({ seq }) => seq)).toStrictEqual([1]);
  expect(done.more).toBe(true);
});

test('an old hole is skipped and counted, and does not block the mailbox', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 3);
  const clock = clockAt(Date.now() + 11_000);
  const before = world.telemetry.counts.get('MessagesSkipped') ?? 0;

  const { messages, done } = await reconnect(bob, {}, world.environment({ dynamodb: hiding(2, 99), clock }));

  expect(messages.map(({ seq }) => seq)).toStrictEqual([1, 3]);
  expect(done.more).toBe(false);
  expect(world.telemetry.counts.get('MessagesSkipped')).toBe(before + 1);
});

test('an unreadable row is skipped once it is old, and does not block the mailbox', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  const conversationId = await sendMany(alice, bob, 3);
  await world.dynamodb.client.send(
    new UpdateCommand({
      TableName: world.dynamodb.tableNames.messages,
      Key: { conversationId, seq: 2 },
      UpdateExpression: 'SET ciphertext = :damaged',
      ExpressionAttributeValues: { ':damaged': new Uint8Array(80) },
    }),
  );
  const clock = clockAt(Date.now() + 11_000);

  const young = await reconnect(bob);
  const old = await reconnect(bob, {}, world.environment({ clock }));

  expect(young.messages.map(({ seq }) => seq)).toStrictEqual([1]);
  expect(young.done.more).toBe(true);
  expect(old.messages.map(({ seq }) => seq)).toStrictEqual([1, 3]);
  expect(old.done.more).toBe(false);
});

test('a connection whose row was removed while it was opening is closed', async () => {
  const bob = user('bob');
  const session = {
    userId: bob,
    connectionId: `removed-${bob}`,
    address: '192.0.2.1',
    expiresAt: Date.now() + 60_000,
  };

  await world.environment().reconnect({ action: 'reconnect' }, session, undefined);

  expect(world.gateway.closed).toContain(session.connectionId);
  expect(world.gateway.frames.get(session.connectionId)).toBeUndefined();
});

test('it is closed also where its reconnect is over the limit', async () => {
  const bob = user('bob');
  const session = {
    userId: bob,
    connectionId: `limited-${bob}`,
    address: '192.0.2.1',
    expiresAt: Date.now() + 60_000,
  };
  const limiter: RateLimiter = {
    take: async () => ({ allowed: false, retryAfterMs: 7 }),
    lastKnown: () => ({ allowed: true }),
    hold: async () => ({ allowed: true, release: async () => {} }),
    debit: async () => {},
  };

  const refused = world.environment({ limiter }).reconnect({ action: 'reconnect' }, session);

  await expect(refused).rejects.toMatchObject({ code: 'rate_limited' });
  expect(world.gateway.closed).toContain(session.connectionId);
});

test('a client that leaves in the middle ends the drain quietly', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 8, 'x'.repeat(9_000));
  const session = await world.join(bob);
  let posts = 0;
  const gateway = {
    async post() {
      posts += 1;
      return posts < 2 ? ('posted' as const) : ('gone' as const);
    },
    close: async () => 'closed' as const,
  };

  await world.environment({ gateway }).reconnect({ action: 'reconnect' }, session, 'r');

  expect(posts).toBe(2);
});

test('when its time is up it says that there is more, and the next reconnect goes on', async () => {
  const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')];
  const ids = [await sendMany(alice, bob, 2), await sendMany(carol, bob, 2)];
  let now = Date.now();
  const session = await world.join(bob);
  // Each look at the clock costs eight seconds: the second conversation is not begun.
  const slow = {
    now: () => {
      now += 8_000;
      return now;
    },
    sleep: async () => {},
  };
  const first = await reconnect(bob, {}, world.environment({ clock: slow }), session);
  expect(first.done.more).toBe(true);

  const positions = new Map(first.messages.map(({ conversationId, seq }) => [conversationId, seq]));
  const clock = { now: () => now, sleep: async () => {} };
  const second = await reconnect(bob, { positions }, world.environment({ clock }));

  const all = [...first.messages, ...second.messages].map(
    ({ conversationId, seq }) => `${conversationId} ${seq}`,
  );
  expect(all.sort()).toStrictEqual(ids.flatMap((id) => [`${id} 1`, `${id} 2`]).sort());
  expect(second.done.more).toBe(false);
});

test('slow posts end the drain in time: each of them counts', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 30, 'x'.repeat(16_000));
  const session = await world.join(bob);
  const start = Date.now();
  let now = start;
  const gateway = {
    async post(connectionId: string, frame: string) {
      now += 2_000;
      return world.gateway.post(connectionId, frame);
    },
    close: async () => 'closed' as const,
  };
  const clock = { now: () => now, sleep: async () => {} };

  const { messages, done } = await reconnect(bob, {}, world.environment({ gateway, clock }), session);

  expect(done.more).toBe(true);
  expect(messages.map(({ seq }) => seq)).toStrictEqual(messages.map((_, index) => index + 1));
  expect(now - start).toBeLessThanOrEqual(15_000 + 3 * 2_000);
});

test('more conversations than the end marker can name: the rest comes with the next one', async () => {
  const bob = user('bob');
  const senders = Array.from({ length: 330 }, (_, index) => `${user('sender')}-${index}`);
  for (let start = 0; start < senders.length; start += 30)
    await Promise.all(senders.slice(start, start + 30).map((sender) => sendMany(sender, bob, 1)));

  const first = await reconnect(bob);
  const positions = new Map(first.messages.map(({ conversationId, seq }) => [conversationId, seq]));
  const second = await reconnect(bob, { positions });

  expect(first.done.more).toBe(true);
  expect(first.messages).toHaveLength(first.done.conversations.length);
  expect(second.done.more).toBe(false);
  expect(first.messages.length + second.messages.length).toBe(330);
  for (const { frames } of [first, second])
    for (const frame of frames) expect(byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(32_768);
}, 120_000);

test('it begins no page after the expiry of its token', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 30, 'x'.repeat(16_000));
  let now = Date.now();
  const session = await world.join(bob, { expiresAt: now + 5_000 });
  const postedAt: number[] = [];
  const gateway = {
    async post(connectionId: string, frame: string) {
      if (JSON.parse(frame).type === 'reconnect.page') postedAt.push(now);
      now += 2_000;
      return world.gateway.post(connectionId, frame);
    },
    close: async () => 'closed' as const,
  };
  const clock = { now: () => now, sleep: async () => {} };

  const { done } = await reconnect(bob, {}, world.environment({ gateway, clock }), session);

  expect(done.more).toBe(true);
  expect(postedAt.length).toBeGreaterThan(1);
  // The one that was begun still goes.
  expect(postedAt.filter((at) => at >= session.expiresAt).length).toBeLessThanOrEqual(1);
});

test('a conversation whose first message is not all visible yet is told to come', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  await sendMany(alice, bob, 1);
  const { conversations } = world.dynamodb.tableNames;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = (await next()) as { Responses?: Record<string, unknown[]> };
    if (name === 'BatchGetCommand' && answer.Responses?.[conversations]) answer.Responses[conversations] = [];
    return answer;
  });
  const later = clockAt(Date.now() + 11_000);
  const list = (options: EnvironmentOptions, session: Session) =>
    world.environment(options).conversations({ action: 'conversations' }, session, undefined);

  const young = await reconnect(bob, {}, world.environment({ dynamodb }));
  expect(young.done).toMatchObject({ conversations: [], more: true });
  await expect(list({ dynamodb }, young.session)).rejects.toMatchObject({ name: 'DependencyFailure' });

  const old = await reconnect(bob, {}, world.environment({ dynamodb, clock: later }));
  expect(old.done).toMatchObject({ conversations: [], more: false });
  expect(await list({ dynamodb, clock: later }, old.session)).toMatchObject({
    conversations: [{ members: [bob] }],
  });
});

test('positions of another life of the data begin nothing: no page, no push, and the new life is named', async () => {
  const [alice, bob] = [user('alice'), user('bob')];
  const conversationId = await sendMany(alice, bob, 2);
  const session = await world.join(bob, { ready: false });
  const { reconnect: ask } = world.environment();
  const positions = new Map([[conversationId, 1]]);

  for (const fields of [{ positions, epoch: 'another life' }, { epoch: 'another life' }])
    await expect(ask({ action: 'reconnect', ...fields }, session, 'r1')).rejects.toMatchObject({
      ...{ name: 'ProtocolError', code: 'epoch_changed', epoch: testEpoch },
    });

  await sendMany(alice, bob, 1);
  expect(world.gateway.frames.get(session.connectionId)).toBeUndefined();
  const { messages } = await reconnect(bob, { positions, epoch: testEpoch }, undefined, session);
  expect(messages.map(({ seq }) => seq)).toStrictEqual([2, 3]);
});

test('one that names another life of the data is charged like any other', async () => {
  const charged: unknown[] = [];
  const allowed = { allowed: true } as const;
  const limiter: RateLimiter = {
    lastKnown: () => allowed,
    hold: async () => ({ ...allowed, release: async () => {} }),
    debit: async () => {},
    take: async (charges) => {
      charged.push(...charges);
      return allowed;
    },
  };
  const session = await world.join(user('bob'), { ready: false });

  const asking = world
    .environment({ limiter })
    .reconnect({ action: 'reconnect', epoch: 'another life' }, session, 'r1');

  await expect(asking).rejects.toMatchObject({ code: 'epoch_changed' });
  expect(charged).toHaveLength(1);
});

test('of two floods each has its turn after a hundred messages of the other', async () => {
  const [one, other, bob] = [user('one'), user('other'), user('bob')];
  await sendMany(one, bob, 120);
  await sendMany(other, bob, 150);

  const { messages } = await reconnect(bob);

  expect(messages.findIndex(({ senderId }) => senderId === other)).toBe(100);
  expect(messages).toHaveLength(270);
});

test('a flood does not bury a friend: what is more than a hundred messages waits for all others', async () => {
  const [flooder, friend, bob] = [user('flooder'), user('friend'), user('bob')];
  await sendMany(friend, bob, 1, 'from a friend');
  await sendMany(flooder, bob, 250);

  const { messages, done } = await reconnect(bob);

  expect(messages.findIndex(({ senderId }) => senderId === friend)).toBe(0);
  const seqs = messages.flatMap(({ senderId, seq }) => (senderId === flooder ? [seq] : []));
  expect(seqs).toStrictEqual(Array.from({ length: 250 }, (_, index) => index + 1));
  expect(done).toMatchObject({ more: false });
  expect(done.conversations).toHaveLength(2);
});
