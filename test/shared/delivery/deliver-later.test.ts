import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MessageReference } from '#shared/delivery/delivery-queue.ts';
import { messageIdTime } from '#shared/log/message-id.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import { clock as systemClock } from '#shared/runtime/system.ts';
import { clockAt, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
/** A message to somebody who is not there, and the witness that it left. */
async function sendToNobody() {
  users += 1;
  const [alice, bob] = [`alice-${users}`, `bob-${users}`];
  const from = await world.join(alice);
  const { message } = await world
    .environment()
    .send({ action: 'send', recipientId: bob, content: 'x' }, from);
  const reference = world.left.find(({ messageId }) => messageId === message.messageId);
  if (!reference) throw new Error('no witness');
  return { bob, message, reference };
}

/** What is left for another look, and after how many seconds it comes. */
function recordingQueue() {
  const left: [MessageReference, number | undefined][] = [];
  const leave = async (reference: MessageReference, afterSeconds?: number) =>
    void left.push([reference, afterSeconds]);
  return { queue: { leave }, left };
}

/** The clock of a function that runs so much later. */
const inSeconds = (seconds: number) => ({ ...systemClock, now: () => systemClock.now() + seconds * 1_000 });

const publishedFor = (userId: string) => world.published.filter(({ recipientId }) => recipientId === userId);

test('nobody there: one notification, without content', async () => {
  const { bob, reference } = await sendToNobody();

  await world.environment().deliverLater(reference);

  expect(publishedFor(bob)).toStrictEqual([{ ...reference, unread: 1 }]);
});

test('somebody came meanwhile: posted, not notified, and looked at once more', async () => {
  const { bob, message, reference } = await sendToNobody();
  const session = await world.join(bob);
  const { queue, left } = recordingQueue();

  expect(await world.environment({ queue }).deliverLater(reference)).toBe('leftAgain');

  expect(left).toStrictEqual([[{ ...reference, isLastLook: true }, 20]]);

  expect(world.gateway.pushes(session.connectionId)).toStrictEqual([
    { type: 'message.new', messageId: message.messageId, message },
  ]);
  expect(publishedFor(bob)).toStrictEqual([]);
});

/** As a suspended phone does it: its connection takes every post, and nothing is ever acknowledged. */
test('a connection that took the push and is dead: its user is notified at the next look, which is the last', async () => {
  const { bob, reference } = await sendToNobody();
  const { connectionId } = await world.join(bob);
  const { queue, left } = recordingQueue();
  const environment = world.environment({ queue });

  await environment.deliverLater(reference);
  expect(publishedFor(bob)).toStrictEqual([]);
  const [[last] = []] = left;
  if (!last) throw new Error('nothing was left');
  expect(await environment.deliverLater(last)).toBe('done');

  expect(publishedFor(bob)).toStrictEqual([{ ...reference, unread: 1 }]);
  expect(left).toHaveLength(1);
  expect(world.gateway.pushes(connectionId)).toHaveLength(2);
});

test('acknowledged by the last look: nothing more is done', async () => {
  const { bob, message, reference } = await sendToNobody();
  const session = await world.join(bob);
  const environment = world.environment();
  await environment.deliverLater(reference);
  const positions = new Map([[message.conversationId, 1]]);
  await environment.acknowledge({ action: 'ack', positions }, session);

  expect(await environment.deliverLater({ ...reference, isLastLook: true })).toBe('done');

  expect(world.gateway.pushes(session.connectionId)).toHaveLength(1);
  expect(publishedFor(bob)).toStrictEqual([]);
});

test('a last look that cannot be left is a failure, so that the queue brings this one again', async () => {
  const { bob, reference } = await sendToNobody();
  await world.join(bob);
  const queue = { leave: () => Promise.reject(sdkError('InternalError', 500)) };

  const looking = world.environment({ queue }).deliverLater(reference);

  await expect(looking).rejects.toMatchObject({ name: 'InternalError' });
});

test('a connection that is gone by now counts as nobody', async () => {
  const { bob, reference } = await sendToNobody();
  world.gateway.gone.add((await world.join(bob)).connectionId);

  await world.environment().deliverLater(reference);

  expect(publishedFor(bob)).toHaveLength(1);
});

test('acknowledged, never committed, or lost to another attempt: nothing is done', async () => {
  const { bob, message, reference } = await sendToNobody();
  const session = await world.join(bob);
  const environment = world.environment({ clock: inSeconds(40) });

  expect(await environment.deliverLater({ ...reference, seq: 2 })).toBe('done');
  expect(await environment.deliverLater({ ...reference, messageId: 'of the attempt that lost' })).toBe(
    'done',
  );
  expect(await environment.deliverLater({ ...reference, recipientId: 'somebody-else' })).toBe('done');
  const positions = new Map([[message.conversationId, 1]]);
  await environment.acknowledge({ action: 'ack', positions }, session);
  expect(await environment.deliverLater(reference)).toBe('done');

  expect(world.gateway.pushes(session.connectionId)).toStrictEqual([]);
  expect(publishedFor(bob)).toStrictEqual([]);
});

test('not there yet, and it may still come: the reference comes again once that is settled', async () => {
  const { bob, reference } = await sendToNobody();
  const { queue, left } = recordingQueue();
  const clock = clockAt(messageIdTime(reference.messageId) + 10_000);
  const environment = world.environment({ clock, queue });
  const early = [
    { ...reference, seq: 2 },
    { ...reference, recipientId: 'somebody-else' },
  ];

  for (const one of early) expect(await environment.deliverLater(one)).toBe('leftAgain');

  expect(left).toStrictEqual(early.map((one) => [one, 30]));
  expect(publishedFor(bob)).toStrictEqual([]);
});

test('a failure is thrown, so that the queue brings the reference again', async () => {
  const { reference } = await sendToNobody();
  const notifications = {
    publish: async () => {
      throw sdkError('InternalException', 500);
    },
  };

  await expect(world.environment({ notifications }).deliverLater(reference)).rejects.toMatchObject({
    name: 'InternalException',
  });
});

test('nobody there and the key out of reach: a notification needs no content', async () => {
  const { bob, reference } = await sendToNobody();
  const fail = async () => {
    throw new Error('out of reach');
  };

  await world.environment({ cipher: { seal: fail, open: fail } }).deliverLater(reference);

  expect(publishedFor(bob)).toHaveLength(1);
});

/** A gateway that can't post to these connections. */
const failingFor = (...connectionIds: string[]) => ({
  ...world.gateway,
  post: async (connectionId: string, frame: string) => {
    if (connectionIds.includes(connectionId)) throw sdkError('LimitExceededException', 429);
    return world.gateway.post(connectionId, frame);
  },
});

test('a push that failed is tried again by the last look, which notifies as well', async () => {
  const { bob, message, reference } = await sendToNobody();
  const { connectionId } = await world.join(bob);

  const gateway = failingFor(connectionId);
  expect(await world.environment({ gateway }).deliverLater(reference)).toBe('leftAgain');
  expect(publishedFor(bob)).toStrictEqual([]);

  expect(await world.environment().deliverLater({ ...reference, isLastLook: true })).toBe('done');
  expect(world.gateway.pushes(connectionId)).toMatchObject([{ message }]);
  expect(publishedFor(bob)).toStrictEqual([{ ...reference, unread: 1 }]);
});

test('one device took it, another could not be posted to: tried again, without a notification', async () => {
  const { bob, reference } = await sendToNobody();
  const [phone, laptop] = [await world.join(bob), await world.join(bob)];

  const environment = world.environment({ gateway: failingFor(laptop.connectionId) });
  expect(await environment.deliverLater(reference)).toBe('leftAgain');

  expect(world.gateway.pushes(phone.connectionId)).toHaveLength(1);
  expect(publishedFor(bob)).toStrictEqual([]);
});

test('a push that still fails at the last look is let go', async () => {
  const { bob, reference } = await sendToNobody();
  const { connectionId } = await world.join(bob);

  const gateway = failingFor(connectionId);
  expect(await world.environment({ gateway }).deliverLater({ ...reference, isLastLook: true })).toBe('done');

  expect(publishedFor(bob)).toHaveLength(1);
});

test('what nobody can read any more is counted and told of once, not tried for ever', async () => {
  const { bob, reference } = await sendToNobody();
  const { connectionId } = await world.join(bob);
  const cipher = {
    ...world.environment().cipher,
    open: async () => {
      throw new UnreadableMessage('The ciphertext is damaged.');
    },
  };
  const before = world.telemetry.counts.get('UnreadableMessage') ?? 0;

  expect(await world.environment({ cipher }).deliverLater(reference)).toBe('done');

  expect(world.gateway.pushes(connectionId)).toStrictEqual([]);
  expect(publishedFor(bob)).toHaveLength(1);
  expect(world.telemetry.counts.get('UnreadableMessage')).toBe(before + 1);
});
