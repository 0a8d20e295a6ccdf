import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '#shared/protocol/replies.ts';
import { type Client, createClient } from '../../client/client.ts';
import { PostriderError } from '../../client/errors.ts';
import type { Gap } from '../../client/inbox.ts';
import { type FaultRates, type ModelServer, makeModelServer } from './support/model-server.ts';
import { makeVirtualClock, type VirtualClock } from './support/virtual-clock.ts';

/** A device that keeps what it is given, as an application would. */
interface Device {
  readonly name: string;
  readonly user: string;
  readonly client: Client;
  readonly messages: Message[];
  readonly gaps: Gap[];
  readonly errors: Error[];
  resets: number;
  readonly sends: { readonly content: string; readonly to: string; seq?: number }[];
}

const rate = fc.constantFrom(0, 0, 0.05, 0.2);
const faultRates: fc.Arbitrary<FaultRates> = fc.record({
  refusedHandshake: rate,
  cutBeforeHandling: rate,
  cutBeforeReply: rate,
  cutWithReply: rate,
  cutInPages: fc.constantFrom(0, 0.02),
  lostPush: rate,
  doubledPush: rate,
  unavailableBefore: rate,
  unavailableAfter: rate,
  gatewayError: fc.constantFrom(0, 0.05),
  rateLimited: rate,
  unreadable: fc.constantFrom(0, 0, 0.1),
});
const settings = fc.record({
  seed: fc.integer(),
  faults: faultRates,
  /** Short enough that connections are replaced in the middle of everything. */
  connectionLifeMs: fc.constantFrom(1_500, 6_000, 3_600_000),
  keepsNothing: fc.boolean(),
  handlerMs: fc.constantFrom(0, 0, 40),
});
type Settings = typeof settings extends fc.Arbitrary<infer Value> ? Value : never;

test('whatever goes wrong, every device gets every message once and in order, and every send makes one message', async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (given) => {
      const { clock, server, devices } = await play(given);
      for (const device of devices) checkReceived(device, server, given);
      for (const device of devices) checkSent(device, server, given);
      for (const device of devices) device.client.close();
      await clock.advance(120_000);
      expect(clock.pending()).toBe(0);
    }),
    { numRuns: Number(process.env.SIMULATIONS ?? 40) },
  );
}, 240_000);

test('whatever goes wrong, devices of a restored backup begin anew, and hold what it holds and what came since', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.double({ min: 0, max: 1, noNaN: true }), async (given, kept) => {
      const { clock, server, devices } = await play(given, kept);
      for (const device of devices) {
        checkReceived(device, server, given);
        expect(device.client.queued(), `${device.name} has sent everything`).toEqual([]);
        checkErrors(device, given);
        expect(device.resets).toBe(1);
      }
      for (const device of devices) device.client.close();
      await clock.advance(120_000);
      expect(clock.pending()).toBe(0);
    }),
    { numRuns: Number(process.env.SIMULATIONS ?? 40) },
  );
}, 240_000);

/** `kept`: a backup is restored in the middle, with this part of each conversation. */
async function play(given: Settings, kept?: number) {
  const clock = makeVirtualClock();
  const random = mulberry32(given.seed);
  const server = makeModelServer(clock, random, given.faults);
  const open = (name: string) => openDevice(name, given, clock, random, server);
  const devices = [open('alice 1'), open('alice 2'), open('bob 1'), open('carol 1')];
  const peers: Record<string, string[]> = { alice: ['bob', 'carol'], bob: ['alice'], carol: ['alice'] };
  for (let turn = 0; turn < 40; turn += 1) {
    if (turn === 20 && kept !== undefined) {
      for (const { client } of devices) client.connect();
      await clock.advance(60_000);
      server.goBack((length) => Math.floor(length * kept));
    }
    const device = pick(devices, random);
    sendFrom(device, pick(peers[device.user] ?? [], random), `${device.name} ${turn}`);
    const willful = pick(devices, random).client;
    if (random() < 0.05) willful.disconnect();
    if (random() < 0.1) willful.connect();
    await clock.advance(random() * 400);
  }
  for (const { client } of devices) client.connect();
  await clock.advance(5_000);
  server.settleDown();
  await clock.advance(300_000);
  return { clock, server, devices };
}

function openDevice(
  name: string,
  { connectionLifeMs, keepsNothing, handlerMs }: Settings,
  clock: VirtualClock,
  random: () => number,
  server: ModelServer,
): Device {
  const [user = ''] = name.split(' ');
  let ids = 0;
  const client = createClient({
    url: 'wss://example.test',
    getToken: () => user,
    positions: keepsNothing && user !== 'alice' ? undefined : {},
    WebSocket: server.WebSocket,
    clock,
    random,
    newId() {
      ids += 1;
      return `${name} ${ids}`;
    },
    connectionLifeMs,
    replyTimeoutMs: 5_000,
  });
  const device: Device = { name, user, client, messages: [], gaps: [], errors: [], resets: 0, sends: [] };
  client.on('error', (error) => device.errors.push(error));
  client.on('gap', (gap) => device.gaps.push(gap));
  client.on('reset', () => {
    device.resets += 1;
    device.messages.length = 0;
    device.gaps.length = 0;
  });
  client.on('message', (message) => {
    device.messages.push(message);
    return handlerMs === 0 ? undefined : new Promise<void>((resolve) => clock.after(handlerMs, resolve));
  });
  client.connect();
  return device;
}

function sendFrom(device: Device, to: string, content: string): void {
  const send: Device['sends'][number] = { content, to };
  device.sends.push(send);
  void device.client.send({ recipientId: to, content }).then(({ seq }) => {
    send.seq = seq;
  });
}

function checkReceived(
  { name, user, messages, gaps }: Device,
  server: ModelServer,
  { faults }: Settings,
): void {
  for (const [conversationId, log] of server.logs) {
    if (!conversationId.split('+').includes(user)) continue;
    const received = messages.filter((message) => message.conversationId === conversationId);
    const seqs = received.map(({ seq }) => seq);
    expect(seqs, `${name} in order, once`).toEqual([...new Set(seqs)].sort((one, other) => one - other));
    const missing = log.filter(({ seq }) => !seqs.includes(seq));
    const isTold = (seq: number) =>
      gaps.some((gap) => gap.conversationId === conversationId && gap.from <= seq && seq <= gap.to) ||
      seq > Math.max(...seqs);
    expect(
      missing.filter(({ isUnreadable, seq }) => !isUnreadable || !isTold(seq)),
      `${name} misses`,
    ).toEqual([]);
    if (faults.unreadable === 0) expect(gaps).toEqual([]);
    for (const { seq, content } of received) expect(content).toBe(log[seq - 1]?.content);
    if (missing.length === 0) expect(server.deliveredSeq(user, conversationId)).toBe(log.length);
  }
}

/** Several refusals in a row are told, and nothing else. */
function checkErrors({ errors }: Device, { faults }: Settings): void {
  const isTold = (error: Error) => error instanceof PostriderError && error.code === 'refused';
  expect(faults.refusedHandshake > 0 ? errors.filter((error) => !isTold(error)) : errors).toEqual([]);
}

function checkSent(device: Device, server: ModelServer, given: Settings): void {
  const { name, user, client, sends } = device;
  checkErrors(device, given);
  expect(client.queued(), `${name} has sent everything`).toEqual([]);
  for (const to of new Set(sends.map((send) => send.to))) {
    const log = server.logs.get([user, to].sort().join('+')) ?? [];
    const own = log.filter(({ clientMessageId }) => clientMessageId.startsWith(name));
    const wanted = sends.filter((send) => send.to === to);
    expect(
      own.map(({ content }) => content),
      `${name} to ${to}`,
    ).toEqual(wanted.map(({ content }) => content));
    expect(own.map(({ seq }) => seq)).toEqual(wanted.map(({ seq }) => seq));
  }
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

/** A small seeded generator: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
