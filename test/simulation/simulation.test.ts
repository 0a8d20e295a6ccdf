import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';

const seeds = Number(process.env.SIMULATION_SEEDS ?? 300);
const perTest = 10;
const timeout = 300_000;

for (let from = 1; from <= seeds; from += perTest)
  test(`seeds ${from} to ${from + perTest - 1}: nothing is lost, doubled, reordered or shown`, {
    timeout,
  }, async () => {
    for (let seed = from; seed < from + perTest; seed += 1) {
      const { findings } = await simulate(seed);
      expect(findings, `npm run simulate -- --seeds 1 --from ${seed}`).toStrictEqual([]);
    }
  });

test('a seed replays exactly', { timeout }, async () => {
  const [one, other] = [await simulate(7), await simulate(7)];
  expect(one.hash).toBe(other.hash);
  expect(one.hash).not.toBe((await simulate(8)).hash);
});
