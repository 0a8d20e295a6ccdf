import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Requests } from '#shared/actions.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import type { Session } from '#test/support/world.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let pairs = 0;
async function newPair() {
  pairs += 1;
  const [alice, bob] = [await world.join(`alice-${pairs}`), `bob-${pairs}`];
  let sent = 0;
  /** Messages of 9,000 bytes, three to a page. */
  const write = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      sent += 1;
      const content = `${sent} `.padEnd(9_000, 'x');
      await world.environment().send({ action: 'send', recipientId: bob, content }, alice);
    }
  };
  return { alice, bob, write, conversationId: directConversationId(alice.userId, bob) };
}

type Fields = Omit<Requests['reconnect'], 'action'>;

/** Every frame that came to the connection, in order: a page as its seqs, a push as its seq. */
function arrivals({ connectionId }: Session): (number | number[] | 'done')[] {
  return (world.gateway.frames.get(connectionId) ?? []).map((frame) => {
    if (frame.type === 'reconnect.page') return frame.messages.map(({ seq }) => seq);
    if (frame.type === 'message.new') return frame.message.seq;
    return 'done';
  });
}

/** What a device holds after dropping what it has already, as the protocol tells it to. */
function held(session: Session): number[] {
  return [...new Set(arrivals(session).flatMap((one) => (one === 'done' ? [] : one)))].sort((a, b) => a - b);
}

/** The world's gateway, with something that happens after the post of each frame of this type. */
function afterEach(type: string, happening: (count: number) => Promise<void>): ConnectionGateway {
  let count = 0;
  return {
    async post(connectionId, frame) {
      const outcome = await world.gateway.post(connectionId, frame);
      if ((JSON.parse(frame) as { type: string }).type !== type) return outcome;
      count += 1;
      await happening(count);
      return outcome;
    },
    close: async () => 'closed' as const,
  };
}

const reconnect = (session: Session, fields: Fields = {}, gateway?: ConnectionGateway) =>
  world.environment(gateway && { gateway }).reconnect({ action: 'reconnect', ...fields }, session, undefined);

test('a push in the middle of a drain comes once, beside the pages, and nothing is missing', async () => {
  const { bob, write } = await newPair();
  await write(7);
  const device = await world.join(bob, { ready: false });

  await reconnect(
    device,
    {},
    afterEach('reconnect.page', async (count) => {
      if (count === 1) await write(2);
    }),
  );

  expect(arrivals(device)).toStrictEqual([[1, 2, 3], 8, 9, [4, 5, 6], [7], 'done']);
  expect(held(device)).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a push that is lost in the middle of a drain is found from the true position', async () => {
  const { bob, write, conversationId } = await newPair();
  await write(4);
  const device = await world.join(bob, { ready: false });
  const cut = afterEach('reconnect.page', async (count) => {
    if (count !== 1) return;
    // The socket is dead for a moment, and its pushes with it.
    world.gateway.gone.add(device.connectionId);
    await write(1);
    world.gateway.gone.delete(device.connectionId);
  });
  await reconnect(device, {}, cut);
  expect(held(device)).toStrictEqual([1, 2, 3, 4]);

  const next = await world.join(bob, { ready: false });
  await reconnect(next, { positions: new Map([[conversationId, 4]]) });

  expect(arrivals(next)).toStrictEqual([[5], 'done']);
});

test('two devices drain at once, each from its own positions, and an ack of one takes nothing from the other', async () => {
  const { bob, write, conversationId } = await newPair();
  await write(9);
  const [phone, laptop] = [await world.join(bob, { ready: false }), await world.join(bob, { ready: false })];
  const acknowledge = (seq: number) =>
    world.environment().acknowledge({ action: 'ack', positions: new Map([[conversationId, seq]]) }, phone);
  const phoneAcknowledges = afterEach('reconnect.page', async (count) => void (await acknowledge(count * 3)));

  await Promise.all([
    reconnect(phone, { positions: new Map() }, phoneAcknowledges),
    reconnect(laptop, { positions: new Map([[conversationId, 2]]) }),
  ]);

  expect(arrivals(phone)).toStrictEqual([[1, 2, 3], [4, 5, 6], [7, 8, 9], 'done']);
  expect(arrivals(laptop)).toStrictEqual([[3, 4, 5], [6, 7, 8], [9], 'done']);

  // All is acknowledged now; by its own position, a device still gets what it never had.
  const late = await world.join(bob, { ready: false });
  await reconnect(late, { positions: new Map([[conversationId, 5]]) });
  expect(held(late)).toStrictEqual([6, 7, 8, 9]);
  const unnamed = await world.join(bob, { ready: false });
  await reconnect(unnamed);
  expect(held(unnamed)).toStrictEqual([]);
});

test('an ack in the middle of a drain without positions does not shorten it', async () => {
  const { bob, write, conversationId } = await newPair();
  await write(6);
  const device = await world.join(bob, { ready: false });

  await reconnect(
    device,
    {},
    afterEach('reconnect.page', async () => {
      const positions = new Map([[conversationId, 6]]);
      await world.environment().acknowledge({ action: 'ack', positions }, device);
    }),
  );

  expect(arrivals(device)).toStrictEqual([[1, 2, 3], [4, 5, 6], 'done']);
});

test('the sender’s other devices get what it sent, live or by their own positions', async () => {
  const { alice, write, conversationId } = await newPair();
  const tablet = await world.join(alice.userId);
  await write(2);
  expect(arrivals(tablet)).toStrictEqual([1, 2]);
  expect(arrivals(alice)).toStrictEqual([]);

  const laptop = await world.join(alice.userId, { ready: false });
  await reconnect(laptop, { positions: new Map([[conversationId, 1]]) });

  expect(arrivals(laptop)).toStrictEqual([[2], 'done']);
});

test('a stranger learns nothing: an ack or a read elsewhere is answered as if there were nothing', async () => {
  const { alice, write, conversationId } = await newPair();
  await write(1);
  const stranger = await world.join(`stranger-${pairs}`, { ready: false });
  const environment = world.environment();
  const answerOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);
  const nowhere = directConversationId('nobody', 'no one');
  const ack = (id: string) =>
    answerOf(environment.acknowledge({ action: 'ack', positions: new Map([[id, 1]]) }, stranger));
  const read = (id: string) =>
    answerOf(environment.markRead({ action: 'read', conversationId: id, seq: 1 }, stranger));
  const history = (id: string) =>
    answerOf(environment.history({ action: 'history', conversationId: id }, stranger, undefined));

  for (const request of [ack, read, history]) {
    const answer = await request(conversationId);
    expect(answer).toMatchObject({ code: 'not_found' });
    expect(answer).toStrictEqual(await request(nowhere));
  }
  await reconnect(stranger, { positions: new Map([[conversationId, 0]]) });

  expect(arrivals(stranger)).toStrictEqual(['done']);
  expect(world.gateway.pushes(alice.connectionId)).toStrictEqual([]);
  const page = await environment.conversations({ action: 'conversations' }, stranger, undefined);
  expect(page).toStrictEqual({ type: 'conversations.page', conversations: [] });
});
