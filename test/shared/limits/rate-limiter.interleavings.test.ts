import { randomBytes } from 'node:crypto';
import type { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRateLimiter } from '#shared/limits/rate-limiter.dynamodb.ts';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import { makeFakeRateLimitTable } from './fake-rate-limit-table.ts';
import {
  excessOver,
  limitsWith,
  makeManualClock,
  makeRecordingTelemetry,
  startOfTests,
} from './rate-limiter-support.ts';

const perUser = { burst: 3, refillPerSecond: 10 };
const perAddress = { burst: 2, refillPerSecond: 5 };
const limits = limitsWith({ messagesPerUser: perUser, messagesPerAddress: perAddress });

const request = fc.record({
  environment: fc.integer({ min: 0, max: 2 }),
  cost: fc.integer({ min: 1, max: 2 }),
  withAddress: fc.boolean(),
});
const requests = fc.array(request, { minLength: 1, maxLength: 14 });
const pauses = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 6 });

interface Plan {
  readonly requests: readonly { environment: number; cost: number; withAddress: boolean }[];
  readonly pauses?: readonly number[];
  /** Whether a give-back's answer is lost now and then, and the SDK sends it again. */
  readonly losesAnswers?: boolean;
}

/**
 * Runs all requests side by side. The scheduler decides when each starts, when each of its updates reaches the table,
 * when each answer comes back, and when time passes.
 */
async function run(scheduler: fc.Scheduler, plan: Plan) {
  const clock = makeManualClock();
  const table = makeFakeRateLimitTable();
  let sent = 0;
  let slowestRefund = 0;
  const send = async (command: UpdateCommand) => {
    sent += 1;
    const isRefund = command.input.UpdateExpression?.includes(' - ') ?? false;
    const sentAt = clock.now();
    await scheduler.schedule(Promise.resolve('update'));
    if (isRefund) slowestRefund = Math.max(slowestRefund, clock.now() - sentAt);
    if (isRefund && plan.losesAnswers) table.update(command);
    const answer = attempt(() => table.update(command));
    await scheduler.schedule(Promise.resolve('answer'));
    return answer();
  };
  const telemetry = makeRecordingTelemetry();
  const limiters = Array.from({ length: 3 }, () =>
    makeRateLimiter({ dynamodb: { send }, tableName: 'RateLimits', limits, clock, randomBytes, telemetry }),
  );
  const passed: { at: number; cost: number; withAddress: boolean }[] = [];
  const takes = plan.requests.map(async ({ environment, cost, withAddress }) => {
    await scheduler.schedule(Promise.resolve('start'));
    const byAddress: RateLimitCharge = { limit: 'messagesPerAddress', of: '198.51.100.1', cost };
    const byUser: RateLimitCharge = { limit: 'messagesPerUser', of: 'alice', cost };
    const at = clock.now();
    const decision = await limiters[environment]?.take(withAddress ? [byUser, byAddress] : [byUser]);
    if (decision?.allowed) passed.push({ at, cost, withAddress });
  });
  const time = (plan.pauses ?? []).map(async (pause) => {
    await scheduler.schedule(Promise.resolve(`${pause} ms`));
    clock.advance(pause);
  });
  await scheduler.waitFor(Promise.all([...takes, ...time]));
  return { passed, slowestRefund, table, sent };
}

/** Carries it out now, and returns or throws its result when asked. */
function attempt<T>(action: () => T): () => T {
  try {
    const result = action();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function unitsOf(passed: readonly { cost: number }[]): number {
  return passed.reduce((sum, { cost }) => sum + cost, 0);
}

describe('whatever the order of updates and answers', () => {
  it('a clock that stands still lets exactly the burst pass', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), requests, async (scheduler, all) => {
        const ofOne = all.map(({ environment }) => ({ environment, cost: 1, withAddress: false }));
        const { passed, sent } = await run(scheduler, { requests: ofOne });
        expect(passed.length).toBe(Math.min(all.length, perUser.burst));
        expect(sent).toBeLessThanOrEqual(2 * all.length);
      }),
      { numRuns: 100 },
    );
  });

  it('no window of time has more than burst + refill', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), requests, pauses, async (scheduler, all, times) => {
        const byUser = all.map((one) => ({ ...one, withAddress: false }));
        const { passed } = await run(scheduler, { requests: byUser, pauses: times });
        expect(excessOver(perUser, passed)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 100 },
    );
  });

  it('refused requests cost nothing, and what they give back lets nothing more through', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), requests, fc.boolean(), async (scheduler, all, losesAnswers) => {
        const { passed, table } = await run(scheduler, { requests: all, losesAnswers });
        const now = startOfTests * 1000;
        const used = (key: string) => Math.max(0, Number(table.rows.get(key)?.tat ?? now) - now);
        expect(used('user#messages#alice')).toBe(unitsOf(passed) * 100_000);
        expect(unitsOf(passed)).toBeLessThanOrEqual(perUser.burst);
        const withAddress = passed.filter((one) => one.withAddress);
        expect(used('ip#messages#198.51.100.1')).toBe(unitsOf(withAddress) * 200_000);
        expect(unitsOf(withAddress)).toBeLessThanOrEqual(perAddress.burst);
      }),
      { numRuns: 100 },
    );
  });

  it('with time passing, give-backs let through no more than the refill of the time that one takes to arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), requests, pauses, async (scheduler, all, times) => {
        const { passed, slowestRefund } = await run(scheduler, { requests: all, pauses: times });
        const slack = (perSecond: number) => (slowestRefund * perSecond) / 1000;
        expect(excessOver(perUser, passed)).toBeLessThanOrEqual(slack(perUser.refillPerSecond));
        const withAddress = passed.filter((one) => one.withAddress);
        expect(excessOver(perAddress, withAddress)).toBeLessThanOrEqual(slack(perAddress.refillPerSecond));
      }),
      { numRuns: 100 },
    );
  });
});
