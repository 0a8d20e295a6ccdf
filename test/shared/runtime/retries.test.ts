import { expect, test } from 'vitest';
import { makeRetries, policies, type RetryPolicy } from '#shared/runtime/retries.ts';

/** A clock that goes on by what is slept, and by what else `wait` says. */
function makeSteppedClock(wait = 0) {
  let now = 0;
  const slept: number[] = [];
  const sleep = async (milliseconds: number) => {
    slept.push(milliseconds);
    now += milliseconds + wait;
  };
  return { clock: { now: () => now, sleep }, slept };
}

const policy = { what: 'a test', why: 'it is one', attempts: 5, pause: { fromMs: 40, toMs: 400 } };

const failing = (calls: number[]) => async () => {
  calls.push(calls.length + 1);
  throw new Error(`failure ${calls.length}`);
};

test.for([
  ['what is done again', policies.commit, [40, 80, 160, 320, 400, 400]],
  ['what is asked again', policies.holes, [80, 160, 320, 400, 400, 400]],
  ['the closing of a connection', policies.close, [200, 200, 200, 200, 200, 200]],
  ['a charge', policies.rateLimitCharge, []],
] as const)('%s pauses at random below a bound that doubles to a limit', async ([, one, bounds]) => {
  for (const random of [0, 0.5, 1]) {
    const { clock, slept } = makeSteppedClock();
    const { pause } = makeRetries({ clock, random: () => random });
    for (const attempt of [1, 2, 3, 4, 5, 99]) await pause(one, attempt);

    expect(slept).toStrictEqual(bounds.map((bound) => bound * random));
  }
});

test('without randomness a pause is as long as it may be', async () => {
  const { clock, slept } = makeSteppedClock();

  await makeRetries({ clock }).pause(policies.close, 1);

  expect(slept).toStrictEqual([200]);
});

test('retrying: as often as its policy says, with the last failure', async () => {
  const { clock, slept } = makeSteppedClock();
  const calls: number[] = [];
  const work = makeRetries({ clock }).retrying(policy, failing(calls), () => true);

  await expect(work).rejects.toThrow('failure 5');
  expect(calls).toStrictEqual([1, 2, 3, 4, 5]);
  expect(slept).toStrictEqual([40, 80, 160, 320]);
});

test('retrying: what will not pass is thrown at once, and what succeeds is enough', async () => {
  const { clock, slept } = makeSteppedClock();
  const { retrying } = makeRetries({ clock });
  const calls: number[] = [];

  await expect(retrying(policy, failing(calls), () => false)).rejects.toThrow('failure 1');
  expect(
    await retrying(
      policy,
      async () => 'done',
      () => true,
    ),
  ).toBe('done');
  expect(calls).toHaveLength(1);
  expect(slept).toStrictEqual([]);
});

test('retrying: no attempt begins too late, however often it might', async () => {
  const frozen = makeSteppedClock(60_000);
  const calls: number[] = [];
  const { attempts: _, ...endless } = { ...policy, withinMs: 500 };

  await expect(makeRetries(frozen).retrying(endless, failing(calls), () => true)).rejects.toThrow(
    'failure 1',
  );

  const { clock } = makeSteppedClock();
  const more: number[] = [];
  await expect(makeRetries({ clock }).retrying(endless, failing(more), () => true)).rejects.toThrow();
  // At 0, 40, 120 and 280 ms; the next one would begin after 600.
  expect(more).toHaveLength(4);
});

test('asking: until there is an answer, or no attempt is left', async () => {
  const { clock, slept } = makeSteppedClock();
  const { asking } = makeRetries({ clock });
  const answers = (at: number) => {
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return asked === at ? 'yes' : undefined;
    };
    return { ask, asked: () => asked };
  };

  const [third, never] = [answers(3), answers(99)];

  expect(await asking(policy, third.ask)).toBe('yes');
  expect(third.asked()).toBe(3);
  expect(slept).toStrictEqual([40, 80]);
  expect(await asking(policy, never.ask)).toBe(undefined);
  expect(never.asked()).toBe(5);
  const [unasked, late] = [answers(99), { ...policy, withinMs: 100 }];
  expect(await asking(late, unasked.ask)).toBe(undefined);
  expect(unasked.asked()).toBe(2);
});

test('asking: a failure is thrown at once', async () => {
  const calls: number[] = [];
  const { clock } = makeSteppedClock();

  await expect(makeRetries({ clock }).asking(policy, failing(calls))).rejects.toThrow('failure 1');
});

test('every policy ends, by attempts or by time, unless nobody waits for it', () => {
  const endless = Object.entries<RetryPolicy>(policies)
    .filter(([, { attempts, withinMs }]) => attempts === undefined && withinMs === undefined)
    .map(([name]) => name);

  expect(endless).toStrictEqual(['dataKey', 'issuerKeys']);
});
