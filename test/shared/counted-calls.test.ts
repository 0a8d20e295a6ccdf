import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';
import { clock as systemClock } from '#shared/runtime/system.ts';
import { makeCallRecorder, type RecordedCall } from '#test/support/call-recorder.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

/** The middle of this hour, so that none ends between two sends; near enough to now for every expiry. */
const thisHour = Math.floor(Date.now() / 3_600_000) * 3_600_000 + 1_800_000;

let addresses = 1;

/** A warm environment whose calls are recorded, and a conversation that has begun. */
async function warm(alice: string, bob: string) {
  const recorder = makeCallRecorder();
  let now = thisHour;
  const environment = world.environment({
    clock: { now: () => now, sleep: systemClock.sleep },
    dynamodb: recorder.dynamodb(world.dynamodb.client),
    gateway: recorder.gateway(world.gateway),
    queue: recorder.queue({ leave: async () => {} }),
  });
  addresses += 1;
  // An address of its own: its budget would remember the hour that another test went ahead to.
  const from = { ...(await world.join(alice)), address: `192.0.2.${addresses}` };
  const send = (content: string) =>
    environment.send({ action: 'send', recipientId: bob, content, clientMessageId: content }, from);
  await send('the first message makes the conversation and loads the data key');
  recorder.reset();
  const nextHour = () => {
    now += 1_800_000;
  };
  return { recorder, send, nextHour, environment, from };
}

/** How many calls of each name there are in each round trip. */
function byRoundTrip(calls: readonly RecordedCall[]): Record<string, number>[] {
  const trips: Record<string, number>[] = [];
  for (const { name, depth } of calls) {
    const trip = trips[depth - 1] ?? {};
    trips[depth - 1] = trip;
    trip[name] = (trip[name] ?? 0) + 1;
  }
  return trips;
}

/** Calls, round trips, read units and write units of one send. */
function figuresOf(sent: string, calls: readonly RecordedCall[]): number[] {
  const depths = calls.map(({ depth }) => depth);
  const sum = (units: 'readUnits' | 'writeUnits') => calls.reduce((total, call) => total + call[units], 0);
  const trips = 1 + Math.max(...depths) - Math.min(...depths);
  const figures = [calls.length, trips, sum('readUnits'), sum('writeUnits')];
  const [count, , read, write] = figures;
  process.stdout.write(
    `${sent}: ${count} calls, ${trips} round trips, ${read} read units, ${write} write units\n`,
  );
  return figures;
}

/** The figures as the performance page states them, so that page and code cannot drift apart. */
function published(row: string): number[] {
  const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');
  const line = page.split('\n').find((one) => one.startsWith(`| ${row} |`));
  return (line ?? '').split('|').slice(2, -1).map(Number);
}

const content = 'x'.repeat(300);

test('a direct send, recipient online: three round trips from frame to push', async () => {
  const { recorder, send } = await warm('alice-on', 'bob-on');
  await world.join('bob-on');

  await send(content);

  expect(byRoundTrip(recorder.calls)).toStrictEqual([
    { UpdateCommand: 2, BatchGetCommand: 1 },
    { TransactWriteCommand: 1, SendMessage: 1, QueryCommand: 2 },
    { PostToConnection: 1, QueryCommand: 2 },
  ]);
  const figures = figuresOf('send, recipient online', recorder.calls);
  expect(figures).toStrictEqual([10, 3, 7, 10]);
  expect(published('send, recipient online')).toStrictEqual(figures);
});

test('a direct send, recipient offline: one call less', async () => {
  const { recorder, send } = await warm('alice-off', 'bob-off');

  await send(content);

  expect(byRoundTrip(recorder.calls)).toStrictEqual([
    { UpdateCommand: 2, BatchGetCommand: 1 },
    { TransactWriteCommand: 1, SendMessage: 1, QueryCommand: 2 },
    { QueryCommand: 2 },
  ]);
  const figures = figuresOf('send, recipient offline', recorder.calls);
  expect(figures).toStrictEqual([9, 3, 7, 10]);
  expect(published('send, recipient offline')).toStrictEqual(figures);
});

test('a send that moves the conversation to another hour writes the index of both members as well', async () => {
  const { recorder, send, nextHour } = await warm('alice-later', 'bob-later');

  await send(content);
  const before = recorder.calls.length;
  nextHour();
  await send(`${content} later`);

  const figures = figuresOf('send, the first of its hour', recorder.calls.slice(before));
  expect(figures).toStrictEqual([9, 3, 7, 14]);
  expect(published('send, the first of its hour')).toStrictEqual(figures);
});

test('the rows that each send writes stay within one write unit with the longest ids and full memories', async () => {
  const [alice, bob] = ['a'.repeat(128), 'b'.repeat(128)];
  const { recorder, send, environment, from } = await warm(alice, bob);
  for (let index = 0; index < 64; index += 1) await send(`message ${index}`);
  const conversationId = directConversationId(alice, bob);
  await environment.markRead({ action: 'read', conversationId, seq: 60 }, from);
  recorder.reset();

  await send('one more');

  const [transaction] = recorder.calls.filter(({ name }) => name === 'TransactWriteCommand');
  expect(transaction?.writeUnits).toBe(8);
});
