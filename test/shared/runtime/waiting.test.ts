import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sideBySide, withinTime } from '#shared/runtime/waiting.ts';

/** Whether `work` has ended by the time that everything which can go on without it has. */
async function hasEnded(work: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const note = () => {
    ended = true;
  };
  work.then(note, note);
  await turn();
  return ended;
}

const fail = async (message: string) => {
  throw new Error(message);
};

test('side by side: what has failed waits for what is still on its way', async () => {
  const slow = Promise.withResolvers<string>();
  const both = sideBySide(fail('one'), slow.promise);

  expect(await hasEnded(both)).toBe(false);
  slow.resolve('done');

  await expect(both).rejects.toThrow('one');
});

test('side by side: the first failure in their order is thrown, whichever came first', async () => {
  const slow = Promise.withResolvers<never>();
  const all = sideBySide(Promise.resolve(1), slow.promise, fail('came first'));
  expect(await hasEnded(all)).toBe(false);
  slow.reject(new Error('stands first'));

  await expect(all).rejects.toThrow('stands first');
});

test('side by side: results keep their places', async () => {
  expect(await sideBySide(Promise.resolve('one'), Promise.resolve(2))).toStrictEqual(['one', 2]);
  expect(await sideBySide()).toStrictEqual([]);
});

/** A clock whose sleeps end when they are told to, or when they are not wanted any more. */
function makeHandClock() {
  const timeUp = Promise.withResolvers<void>();
  const slept: number[] = [];
  const sleep = (milliseconds: number, signal?: AbortSignal) => {
    slept.push(milliseconds);
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    return Promise.race([timeUp.promise, aborted]);
  };
  return { clock: { now: () => 0, sleep }, slept, timeUp: timeUp.resolve };
}

test('within time: work that ends in time is waited for, and reports its own failure alone', async () => {
  const { clock, slept } = makeHandClock();
  const errors: unknown[] = [];
  const report = (error: unknown) => void errors.push(error);
  const slow = Promise.withResolvers<void>();
  const waiting = withinTime(clock, 1_500, slow.promise, report);

  expect(await hasEnded(waiting)).toBe(false);
  slow.resolve();
  await waiting;
  await withinTime(clock, 1_500, fail('no'), report);
  await turn();

  expect(errors).toStrictEqual([new Error('no')]);
  expect(slept).toStrictEqual([1_500, 1_500]);
});

test('within time: work that is late is left behind and reported, once', async () => {
  const { clock, timeUp } = makeHandClock();
  const errors: unknown[] = [];
  const late = Promise.withResolvers<void>();
  const waiting = withinTime(clock, 1_500, late.promise, (error) => void errors.push(error));
  timeUp();

  await waiting;
  late.reject(new Error('after all'));
  await turn();

  expect(errors).toStrictEqual([new Error('Not done within 1500 ms.')]);
});
