import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { shrink } from './shrink.ts';
import { type SimulationOptions, simulate } from './simulate.ts';

const seeds = Number(process.env.SIMULATION_SEEDS ?? 300);
const perTest = 100;
const timeout = 300_000;

for (let from = 1; from <= seeds; from += perTest)
  test(`seeds ${from} to ${from + perTest - 1}: nothing is lost, doubled, reordered or shown`, {
    timeout,
  }, async () => {
    for (let seed = from; seed < from + perTest; seed += 1) await expectHeld(seed);
  });

/** Beyond those above. Each found something, which docs/proof.md tells of. */
test.for([
  3202, 3927, 4709, 6415, 89926, 163402, 176320, 316068, 407750, 721367, 782459, 854457, 912954, 935767,
  935889, 952177, 992064,
])('seed %i, which once went red', expectHeld);

async function expectHeld(seed: number): Promise<void> {
  const { findings } = await simulate(seed);
  expect(findings, `npm run simulate -- --seed ${seed}`).toStrictEqual([]);
}

test.for(['repaired', 'opened'] as const)(
  'tables that are restored to slightly different moments, and are %s: nothing confirmed since is lost, doubled or reordered',
  { timeout },
  async (restore) => {
    const counts = { repaired: 0, resets: 0 };
    for (let seed = 1; seed <= perTest; seed += 1) {
      const { findings, record, counts: counted } = await simulate(seed, { restore });
      expect(findings, `seed ${seed}, ${restore}`).toStrictEqual([]);
      counts.repaired += counted.get('ConversationRepaired') ?? 0;
      counts.resets += record.resets.length;
    }
    // Both must have been put to the test.
    expect(counts.repaired).toBeGreaterThan(10);
    expect(counts.resets).toBeGreaterThan(perTest);
  },
);

test('a seed replays exactly, in another process and with its trace as well', { timeout }, async () => {
  const { hash } = await simulate(7);

  expect((await simulate(7, { keepTrace: true })).hash).toBe(hash);
  expect((await simulate(8)).hash).not.toBe(hash);
  const script = fileURLToPath(new URL('./run.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--seed', '7']);
  expect(stdout).toContain(`hash ${hash}\neverything held`);
});

test('a failure is shrunk to what it takes', { timeout }, async () => {
  /** As if nobody might ever get a third message of one conversation. */
  const run = async (seed: number, options?: SimulationOptions) => {
    const result = await simulate(seed, options);
    const third = result.record.events.some((event) => event.kind === 'sent' && event.message.seq === 3);
    return { ...result, findings: third ? [{ rule: 'planted', detail: 'a third message' }] : [] };
  };
  const failure = await run(37);
  expect(failure.operations.length).toBeGreaterThan(20);

  const { operations, without, result } = await shrink(failure, run);

  expect(result.findings).toStrictEqual([{ rule: 'planted', detail: 'a third message' }]);
  expect(operations.size).toBeLessThanOrEqual(3);
  expect(without.length).toBeGreaterThan(10);
  const again = await run(37, { operations, without });
  expect(again.hash).toBe(result.hash);
});
