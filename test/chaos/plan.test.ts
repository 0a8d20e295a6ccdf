import { expect, test } from 'vitest';
import { faultKinds, killKinds } from './kinds.ts';
import { makePlan } from './plan.ts';

test('the seed decides what happens when', () => {
  expect(makePlan(5, 120_000, faultKinds)).toStrictEqual(makePlan(5, 120_000, faultKinds));
  expect(makePlan(5, 120_000, faultKinds)).not.toStrictEqual(makePlan(6, 120_000, faultKinds));
});

test('each chosen kind comes up, and no other', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const { weathers, kills } = makePlan(seed, 120_000, faultKinds);
    const planned = new Set([
      ...weathers.flatMap(({ wire, cache }) => [...Object.keys(wire), ...Object.keys(cache)]),
      ...kills.map(({ kind }) => kind),
    ]);
    expect([...planned].sort()).toStrictEqual([...faultKinds].sort());
    const few = makePlan(seed, 120_000, ['throttle', 'kill-stack']);
    expect(new Set(few.kills.map(({ kind }) => kind))).toStrictEqual(new Set(['kill-stack']));
    expect(new Set(few.weathers.flatMap(({ wire }) => Object.keys(wire)))).toStrictEqual(
      new Set(['throttle']),
    );
  }
});

test('a short run kills each part once', () => {
  const kinds = makePlan(3, 10_000, faultKinds).kills.map(({ kind }) => kind);
  expect(kinds.sort()).toStrictEqual([...killKinds].sort());
});
