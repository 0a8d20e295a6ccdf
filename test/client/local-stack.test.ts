import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { openSharedStack } from '#test/contract/support/target.ts';
import { type CutPoint, makeCutter } from './support/cutting-web-socket.ts';
import {
  connected,
  contents,
  type Device,
  eventually,
  newUser,
  openDevice,
  seqs,
} from './support/devices.ts';

const testMs = 180_000;

let stack: Awaited<ReturnType<typeof openSharedStack>>;
const devices: Device[] = [];

beforeAll(async () => {
  stack = await openSharedStack(inject('sharedStackDoor'));
}, 120_000);
afterEach(() => {
  for (const { client } of devices.splice(0)) client.close();
});
afterAll(async () => await stack.stop(), 60_000);

function open(
  ...[user, options]: Parameters<typeof openDevice> extends [unknown, ...infer Rest] ? Rest : never
) {
  const device = openDevice(stack, user, options);
  devices.push(device);
  return device;
}

test(
  "two people talk, by Node's own WebSocket",
  async () => {
    const [alice, bob] = [open(newUser('alice')), open(newUser('bob'))];
    const first = await alice.client.send({ recipientId: bob.user, content: 'hello' });
    await eventually(() => expect(contents(bob)).toEqual(['hello']));
    await bob.client.send({ conversationId: first.conversationId, content: 'hi' });
    await eventually(() => expect(contents(alice)).toEqual(['hello', 'hi']));
    await alice.client.read(first.conversationId, 2);
    await eventually(() =>
      expect(bob.receipts.at(-1)).toEqual({
        conversationId: first.conversationId,
        userId: alice.user,
        deliveredSeq: 2,
        readSeq: 2,
      }),
    );
    await allAcknowledged(bob);
    const { conversations } = await bob.client.conversations();
    expect(conversations).toMatchObject([{ lastSeq: 2, deliveredSeq: 2, unread: 1 }]);
    const { messages } = await bob.client.history({ conversationId: first.conversationId, before: 2 });
    expect(messages.map(({ content }) => content)).toEqual(['hello']);
  },
  testMs,
);

/** Loses every push. */
class DeafWebSocket extends WebSocket {
  override addEventListener(type: string, listener: never): void {
    super.addEventListener(type, (event) => {
      const isPush = event instanceof MessageEvent && JSON.parse(event.data).type === 'message.new';
      if (!isPush) (listener as (event: Event) => void)(event);
    });
  }
}

test(
  'what no push brought comes by a look over the connection that is open',
  async () => {
    const [alice, bob] = [open(newUser('alice')), open(newUser('bob'), { WebSocket: DeafWebSocket })];
    await connected(bob);
    const wanted = ['one', 'two', 'three'];
    for (const content of wanted) await alice.client.send({ recipientId: bob.user, content });
    expect(contents(bob)).toEqual([]);
    bob.client.connect();
    await eventually(() => expect(contents(bob)).toEqual(wanted));
    expect(bob.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
    await allAcknowledged(bob);
  },
  testMs,
);

/** Every frame of the exchange, on either side of it. */
const frames = [
  ['reconnect', 1],
  ['reconnect.page', 1],
  ['reconnect.done', 1],
  ['send', 1],
  ['send', 2],
  ['message.sent', 1],
  ['message.sent', 2],
  ['message.new', 1],
  ['ack', 1],
  ['ok', 1],
] as const;
const points = frames.flatMap(([kind, nth]): CutPoint[] => [
  { side: 'before', kind, nth },
  { side: 'after', kind, nth },
]);

test.for(points)(
  'cut $side $kind $nth: everything is there once and in order on both sides',
  { timeout: testMs },
  async (point) => {
    const cutter = makeCutter(point);
    const [alice, bob] = [newUser('alice'), open(newUser('bob'))];
    await bob.client.send({ recipientId: alice, content: 'from before' });
    // A short wait after the cut; it has no part in what is tested.
    const cut = open(alice, { WebSocket: cutter.WebSocket, random: () => 0.05 });
    const sent = ['one', 'two'].map((content) => cut.client.send({ recipientId: bob.user, content }));
    await eventually(() => expect(contents(bob)).toEqual(['from before', 'one', 'two']));
    await Promise.all(sent);
    await connected(cut);
    const answer = await bob.client.send({ recipientId: alice, content: 'three' });
    const wanted = ['from before', 'one', 'two', 'three'];
    await eventually(() => expect([contents(cut), contents(bob)]).toEqual([wanted, wanted]));
    await allAcknowledged(cut);
    await eventually(() => expect(cutter.hasCut()).toBe(true));
    await connected(cut);

    expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual([2, 3]);
    expect([seqs(cut), seqs(bob)]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    const { messages } = await bob.client.history({ conversationId: answer.conversationId });
    expect(messages.map(({ content }) => content)).toEqual(wanted);
    expect([...cut.gaps, ...cut.errors, ...bob.gaps, ...bob.errors]).toEqual([]);
  },
);

async function allAcknowledged({ client }: Device): Promise<void> {
  for (;;) {
    const { conversations } = await client.conversations();
    if (conversations.every(({ deliveredSeq, lastSeq }) => deliveredSeq === lastSeq)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test(
  'a backlog of many pages is caught up with, once and in order, and told as recovered',
  async () => {
    const [alice, bob] = [open(newUser('alice')), newUser('bob')];
    const wanted = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(12_000)}`);
    await Promise.all(wanted.map((content) => alice.client.send({ recipientId: bob, content })));
    // Without the padding, which would bury a difference.
    const numbers = (device: Device) => contents(device).map((content) => Number(content.split(' ')[0]));
    for (const positions of [undefined, {}]) {
      const device = open(bob, { positions });
      await connected(device);
      expect(numbers(device)).toEqual([...wanted.keys()]);
      expect(device.states.at(-1)).toMatchObject({ state: 'connected', recovered: true });
    }
  },
  testMs,
);

test(
  'every device of a person gets what another one of them sends',
  async () => {
    const bob = newUser('bob');
    const alice = newUser('alice');
    const [phone, tablet] = [open(alice), open(alice)];
    await connected(tablet);
    await phone.client.send({ recipientId: bob, content: 'from the phone' });
    await eventually(() => expect(contents(tablet)).toEqual(['from the phone']));
    await tablet.client.send({ recipientId: bob, content: 'from the tablet' });
    await eventually(() => expect(contents(phone)).toEqual(['from the phone', 'from the tablet']));
  },
  testMs,
);

test(
  'a connection outlives its tokens, and nothing is lost while it is replaced',
  async () => {
    const bob = newUser('bob');
    let tokens = 0;
    const listening = open(bob, {
      getToken() {
        tokens += 1;
        return stack.token(bob, 6);
      },
    });
    const alice = open(newUser('alice'));
    await connected(listening);
    const wanted: string[] = [];
    while (tokens < 4) {
      wanted.push(`message ${wanted.length}`);
      await alice.client.send({ recipientId: bob, content: wanted.at(-1) ?? '' });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await eventually(() => expect(contents(listening)).toEqual(wanted));
    expect(listening.errors).toEqual([]);
  },
  testMs,
);

test(
  'blocking refuses with code and remedy, and unblocking lets through',
  async () => {
    const [alice, bob] = [open(newUser('alice')), open(newUser('bob'))];
    await bob.client.block(alice.user);
    await expect(alice.client.send({ recipientId: bob.user, content: 'hello' })).rejects.toMatchObject({
      code: 'forbidden',
      remedy: expect.stringMatching(/./),
    });
    await bob.client.unblock(alice.user);
    await alice.client.send({ recipientId: bob.user, content: 'hello again' });
    await eventually(() => expect(contents(bob)).toEqual(['hello again']));
  },
  testMs,
);
