import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { expect, test } from 'vitest';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import { ProtocolError } from '#shared/protocol/errors.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import type { SocketEvent } from '#shared/runtime/socket-event.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { sdkError } from '#test/support/world.ts';

const now = Date.parse('2026-03-01T00:00:00Z');

const epoch = 'this life';

type InvokeOptions = { expiresAt?: number; openedIn?: string | undefined } & Partial<
  Pick<Context, 'getRemainingTimeInMillis'>
>;

/** A handler whose ping does as told, and what went over the management API. */
function setUp(ping: () => Promise<{ type: 'pong' }>, answers: 'respond' | 'post' = 'respond', budget = 9) {
  const charged: RateLimitCharge[] = [];
  const calls: string[][] = [];
  const lines: string[] = [];
  let flushed = 0;
  const handler = makeFrameHandler({
    useCases: { ping },
    gateway: {
      post: async (id, frame) => {
        calls.push(['post', id, frame]);
        return 'posted';
      },
      close: async (id) => {
        calls.push(['close', id]);
        return 'closed';
      },
    },
    limiter: {
      take: async (charges) => {
        charged.push(...charges);
        return charged.length <= budget ? { allowed: true } : { allowed: false, retryAfterMs: 7 };
      },
      lastKnown: () => ({ allowed: true }),
      hold: async () => ({ allowed: true, release: async () => {} }),
    },
    clock: { now: () => now, sleep: async () => {} },
    epoch,
    telemetry: {
      ...silentTelemetry,
      error: (event, error) => void lines.push(`${event}: ${error}`),
      flush: () => {
        flushed += 1;
      },
    },
    answers,
  });
  const invoke = (body: string, options: InvokeOptions = {}) => {
    const { expiresAt = now / 1000 + 60, openedIn, ...context } = { openedIn: epoch, ...options };
    return handler(event(body, expiresAt, openedIn) as never, context as Context);
  };
  return { invoke, calls, charged, lines, flushed: () => flushed };
}

const event = (body: string, expiresAt: number, openedIn: string | undefined): SocketEvent => ({
  body,
  requestContext: {
    connectionId: 'c1',
    connectedAt: now,
    identity: { sourceIp: '192.0.2.1' },
    authorizer: {
      ...{ userId: 'alice', tokenExpiresAt: String(expiresAt) },
      ...(openedIn !== undefined && { epoch: openedIn }),
    },
  },
});

const pong = async () => ({ type: 'pong' }) as const;
const ping = '{"action":"ping","requestId":"r"}';
const body = (result: { body?: string }) => JSON.parse(result.body ?? 'null');

test('a reply carries its request’s id, in the route’s response', async () => {
  const { invoke, calls, flushed } = setUp(pong);
  expect(await invoke(ping)).toStrictEqual({ statusCode: 200, body: '{"type":"pong","requestId":"r"}' });
  expect(calls).toStrictEqual([]);
  expect(flushed()).toBe(1);
});

test('or posted, where the route has no response', async () => {
  const { invoke, calls } = setUp(pong, 'post');
  expect(await invoke(ping)).toStrictEqual({ statusCode: 200 });
  expect(calls).toStrictEqual([['post', 'c1', '{"type":"pong","requestId":"r"}']]);
});

test.for<[string, Error, string]>([
  ['its own word', new ProtocolError('forbidden', 'No.'), 'forbidden'],
  ['a dependency that failed', new DependencyFailure('out of reach'), 'unavailable'],
  ['AWS at fault', sdkError('InternalServerError', 500), 'unavailable'],
  ['AWS refusing', sdkError('AccessDeniedException', 400), 'unavailable'],
  ['a time-out', Object.assign(new Error('late'), { name: 'TimeoutError' }), 'unavailable'],
  ['a broken connection', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), 'unavailable'],
  ['our request at fault', sdkError('ValidationException', 400), 'internal'],
  ['a transaction that was wrong', sdkError('TransactionCanceledException', 400), 'internal'],
  [
    'an argument of ours that was wrong',
    Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
    'internal',
  ],
  ['a defect', new TypeError('undefined is not a function at secret.ts'), 'internal'],
])('%s becomes an error frame that tells no more than it should', async ([, error, code]) => {
  const { invoke, lines } = setUp(() => Promise.reject(error));

  const frame = body(await invoke(ping));

  expect(frame).toMatchObject({ type: 'error', requestId: 'r', code });
  expect(frame.message).not.toBe('');
  expect(frame.remedy).not.toBe('');
  expect(JSON.stringify(frame)).not.toMatch(/secret\.ts|at Object|InternalServer/);
  expect(lines.length).toBe(code === 'forbidden' ? 0 : 1);
});

test('after the expiry the first frame, whatever it is, gets one answer and the connection ends', async () => {
  for (const frame of [ping, 'junk', '{"action":"nope","requestId":"r"}']) {
    const { invoke, calls, charged } = setUp(pong);
    expect(await invoke(frame, { expiresAt: now / 1000 })).toStrictEqual({ statusCode: 200 });
    expect(calls.map(([call]) => call)).toStrictEqual(['post', 'close']);
    const posted = JSON.parse(calls[0]?.[2] ?? '');
    expect(posted).toMatchObject({ type: 'error', code: 'unauthenticated' });
    expect(posted.requestId).toBe(frame === 'junk' ? undefined : 'r');
    expect(charged).toStrictEqual([]);
  }
});

test.for(['another life', undefined])(
  'over a connection of %s of the data no frame does anything: it is told of the new one, and the connection ends',
  async (openedIn) => {
    let served = 0;
    const { invoke, calls } = setUp(async () => {
      served += 1;
      return { type: 'pong' };
    });

    expect(await invoke(ping, { openedIn })).toStrictEqual({ statusCode: 200 });

    expect(served).toBe(0);
    expect(calls.map(([call]) => call)).toStrictEqual(['post', 'close']);
    expect(JSON.parse(calls[0]?.[2] ?? '')).toMatchObject({
      ...{ type: 'error', requestId: 'r', code: 'epoch_changed', epoch },
    });
  },
);

test('a valid request of another route is refused, not lost', async () => {
  const { invoke } = setUp(pong);
  expect(body(await invoke('{"action":"conversations"}'))).toMatchObject({ code: 'bad_request' });
});

/** What is refused before an action can be charged for it. */
const malformed = [
  'junk',
  '[]',
  '{"action":"nope"}',
  '{"action":"ping","requestId":7}',
  '{"action":"ping","unknown":1}',
  '{"action":"conversations"}',
];

test.each(malformed)('the malformed frame %s is charged to its user', async (frame) => {
  const { invoke, charged } = setUp(pong);

  expect(body(await invoke(frame))).toMatchObject({ code: 'bad_request' });

  expect(charged).toStrictEqual([{ limit: 'requestsPerUser', of: 'alice', cost: 1 }]);
});

test.each(malformed)('over the limit, the malformed frame %s is told just that', async (frame) => {
  const { invoke } = setUp(pong, 'respond', 0);

  expect(body(await invoke(frame))).toMatchObject({ code: 'rate_limited', retryAfterMs: 7 });
});

test('what a use case is handed, it charges by itself', async () => {
  const { invoke, charged } = setUp(pong);

  await invoke(ping);

  expect(charged).toStrictEqual([]);
});

test('an answer that cannot be posted is logged, and the handler does not throw', async () => {
  const { invoke, lines } = setUp(() => Promise.reject(new DependencyFailure('x')), 'post');
  expect(await invoke(ping)).toStrictEqual({ statusCode: 200 });
  expect(lines).toHaveLength(1);
});

test.for(['respond', 'post'] as const)(
  'a request that Lambda’s time is up for is answered before it is, with %s',
  async (answers) => {
    // Done while there is still time on the clock, but not enough to be sure of.
    const { invoke, calls, flushed } = setUp(() => sleep(500, { type: 'pong' } as const), answers);

    const result = await invoke(ping, { getRemainingTimeInMillis: () => 2_050 });

    const frame = answers === 'respond' ? body(result) : JSON.parse(calls[0]?.[2] ?? '');
    expect(frame).toMatchObject({ type: 'error', requestId: 'r', code: 'unavailable' });
    expect(flushed()).toBe(1);
  },
);
