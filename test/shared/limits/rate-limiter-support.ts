import { randomBytes } from 'node:crypto';
import { GetCommand, type UpdateCommand, type UpdateCommandOutput } from '@aws-sdk/lib-dynamodb';
import { makeRateLimiter } from '#shared/limits/rate-limiter.dynamodb.ts';
import type { RateLimitCharge, RateLimiter } from '#shared/limits/rate-limiter.ts';
import { defaultRateLimits, type RateLimitName, type RateLimits } from '#shared/limits/rate-limits.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { startTestDynamoDB } from '#test/support/dynamodb.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

export const startOfTests = Date.UTC(2026, 0, 15);

export interface RateLimitStore {
  send(command: UpdateCommand): Promise<UpdateCommandOutput>;
}

/** A clock that moves only when it is told to. */
export function makeManualClock(now = startOfTests): Clock & { advance(milliseconds: number): void } {
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      now += milliseconds;
    },
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

export function makeRecordingTelemetry(): Telemetry & { readonly counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  return {
    ...silentTelemetry,
    counts,
    count: (name, by = 1) => {
      counts[name] = (counts[name] ?? 0) + by;
    },
  };
}

/** Passes every command on, and counts them. */
export function makeCountingStore(store: RateLimitStore): RateLimitStore & { calls: number } {
  const counting = {
    calls: 0,
    send: async (command: UpdateCommand) => {
      counting.calls += 1;
      return await store.send(command);
    },
  };
  return counting;
}

/** The default limits with other numbers in some of them. */
export function limitsWith(
  changes: Partial<Record<RateLimitName, { burst: number; refillPerSecond: number }>>,
): RateLimits {
  const limits: Record<string, unknown> = {};
  for (const [name, limit] of Object.entries(defaultRateLimits)) {
    limits[name] = { ...limit, ...changes[name as RateLimitName] };
  }
  return limits as RateLimits;
}

interface Passed {
  /** Milliseconds, when it was asked for. */
  readonly at: number;
  readonly cost: number;
}

/** The most units by which any window of time passed more than burst + refill; 0 or less is right. */
export function excessOver(
  limit: { burst: number; refillPerSecond: number },
  passed: readonly Passed[],
): number {
  const times = [...new Set(passed.map(({ at }) => at))];
  const windows = times.flatMap((from) => times.filter((to) => to >= from).map((to) => ({ from, to })));
  const excesses = windows.map(({ from, to }) => {
    const within = passed.filter(({ at }) => at >= from && at <= to);
    const units = within.reduce((sum, { cost }) => sum + cost, 0);
    return units - limit.burst - ((to - from) * limit.refillPerSecond) / 1000;
  });
  return Math.max(Number.NEGATIVE_INFINITY, ...excesses);
}

/** Small enough for tests to use them up. */
export const smallLimits = limitsWith({
  messagesPerUser: { burst: 10, refillPerSecond: 4 },
  messagesPerAddress: { burst: 12, refillPerSecond: 3 },
});

export type RateLimitBench = Awaited<ReturnType<typeof startRateLimitBench>>;

/** A real database, and limiters of `smallLimits` on it. */
export async function startRateLimitBench() {
  const database = await startTestDynamoDB();
  const tableName = database.tableNames.rateLimits;
  let names = 0;

  return {
    store: database.client as RateLimitStore,
    stop: database.stop,
    newUser: () => {
      names += 1;
      return `user-${names}`;
    },
    newAddress: () => {
      names += 1;
      return `10.0.${names >> 8}.${names & 255}`;
    },

    /** Limiters of several environments, on one clock and one table. */
    prepare({ environments = 1, store = database.client as RateLimitStore, clock = makeManualClock() } = {}) {
      const telemetry = makeRecordingTelemetry();
      const counting = makeCountingStore(store);
      const deps = { dynamodb: counting, tableName, limits: smallLimits, clock, randomBytes, telemetry };
      const limiter = makeRateLimiter(deps);
      const others = Array.from({ length: environments - 1 }, () => makeRateLimiter(deps));
      return { clock, telemetry, store: counting, limiter, limiters: [limiter, ...others] };
    },

    /** The row of `messagesPerUser`. */
    async messagesRow(user: string) {
      const Key = { key: `user#messages#${user}` };
      const command = new GetCommand({ TableName: tableName, Key, ConsistentRead: true });
      return (await database.client.send(command)).Item;
    },
  };
}

/** How many of `times` requests pass that are made at once, by turns in each environment. */
export async function takeMany(
  limiters: readonly RateLimiter[],
  charges: readonly RateLimitCharge[],
  times: number,
): Promise<number> {
  const takes = Array.from({ length: times }, (_, i) => limiters[i % limiters.length]?.take(charges));
  const decisions = await Promise.all(takes);
  return decisions.filter((decision) => decision?.allowed).length;
}
