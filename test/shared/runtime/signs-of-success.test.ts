import type { Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { observeEnvironment } from '#test/support/observed-tiers.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
const times: [name: string, milliseconds: number][] = [];

beforeAll(async () => {
  world = await startWorld();
  world.telemetry.time = (name, milliseconds) => void times.push([name, milliseconds]);
});
afterAll(() => world.stop());
beforeEach(() => {
  world.telemetry.counts.clear();
  times.length = 0;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('a push is counted for each connection that took it, and timed from the frame', async () => {
  const [alice, bob] = [await world.join('alice'), await world.join('bob')];
  await world.environment().send({ action: 'send', recipientId: bob.userId, content: 'Hello' }, alice);
  expect(world.telemetry.counts.get('Pushed')).toBe(1);
  expect(times.map(([name]) => name)).toEqual(['FrameToPush']);
  expect(times.every(([, milliseconds]) => milliseconds >= 0)).toBe(true);
});

test('to somebody who is away nothing is pushed, and nothing counted', async () => {
  const carol = await world.join('carol');
  await world.environment().send({ action: 'send', recipientId: 'nobody', content: 'Hello' }, carol);
  expect(world.telemetry.counts.get('Pushed')).toBeUndefined();
  expect(times).toEqual([]);
});

test('each message that is read counts for the tier that had it', async () => {
  const [dora, emil] = [await world.join('dora'), await world.join('emil')];
  for (const content of ['one', 'two', 'three'])
    await world.environment({ tiers: [] }).send({ action: 'send', recipientId: emil.userId, content }, dora);
  const conversationId = directConversationId(dora.userId, emil.userId);
  const cache = makeMemoryCache();
  const read = async (...tiers: Parameters<typeof observeEnvironment>[1]) => {
    world.telemetry.counts.clear();
    await observeEnvironment(world, tiers).history(emil, conversationId, {});
    return Object.fromEntries([...world.telemetry.counts].filter(([name]) => name.startsWith('ReadFrom')));
  };
  const memory = makeMemoryCache();
  expect(await read(memory, cache)).toEqual({ ReadFromDatabase: 3 });
  expect(await read(memory, cache)).toEqual({ ReadFromMemory: 3 });
  expect(await read(makeMemoryCache(), cache)).toEqual({ ReadFromCache: 3 });
});

test('a request that succeeds is timed by its action, and one that is refused is not', async () => {
  let now = 1_000;
  const answered: [string, number][] = [];
  const handler = makeFrameHandler({
    useCases: {
      send: async ({ content }) => {
        now += 40;
        if (content === 'refused') throw new Error('a defect');
        return { type: 'message.sent', messageId: '', message: {} as never };
      },
    },
    gateway: { post: async () => 'posted', close: async () => 'closed' },
    limiter: {
      take: async () => ({ allowed: true }),
      hold: async () => ({ allowed: true, release: async () => {} }),
      debit: async () => {},
      lastKnown: () => ({ allowed: true }),
    },
    clock: { now: () => now, sleep: async () => {} },
    epoch: '1',
    telemetry: { ...silentTelemetry, time: (name, milliseconds) => void answered.push([name, milliseconds]) },
    answers: 'respond',
  });
  const authorizer = { userId: 'alice', tokenExpiresAt: '9', epoch: '1' };
  const requestContext = {
    connectionId: 'c',
    connectedAt: 0,
    identity: { sourceIp: '192.0.2.1' },
    authorizer,
  };
  for (const content of ['taken', 'refused'])
    await handler(
      { body: JSON.stringify({ action: 'send', recipientId: 'bob', content }), requestContext } as never,
      { getRemainingTimeInMillis: () => 9_000 } as Context,
    );
  expect(answered).toEqual([['SendAnswered', 40]]);
});

test('an environment counts its cold start once, and tells its memory where it tells anything', () => {
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  const telemetry = makeTelemetry();
  for (const milliseconds of [12, 34]) {
    telemetry.begin({}, {});
    telemetry.time('SendAnswered', milliseconds);
    telemetry.flush();
  }
  telemetry.begin({}, {});
  telemetry.flush();
  const [first, second, ...others] = lines.map((line) => JSON.parse(line));
  expect(others).toEqual([]);
  expect(first).toMatchObject({ ColdStart: 1, SendAnswered: 12, MemoryUsed: expect.any(Number) });
  expect(second).toMatchObject({ SendAnswered: 34 });
  expect(second).not.toHaveProperty('ColdStart');
});
