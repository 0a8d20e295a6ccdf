import { expect } from 'vitest';
import { contract } from '../support/contract.ts';
import { check } from './check.ts';
import { runWorkload } from './workload.ts';

/** The size of the workload: more of it finds more, and takes longer. */
const SEED = Number(process.env.POSTRIDER_HISTORY_SEED ?? 1);
const RUNS = Number(process.env.POSTRIDER_HISTORY_RUNS ?? 1);
const USERS = Number(process.env.POSTRIDER_HISTORY_USERS ?? 4);
const STEPS = Number(process.env.POSTRIDER_HISTORY_STEPS ?? 25);

const { test, open } = contract('histories');

/** Generous: a step takes a few milliseconds on a machine that does nothing else. */
const TIMEOUT_MS = 120_000 + USERS * STEPS * 1000;

const name = (seed: number) =>
  `nothing is lost, doubled, skipped, out of order or shown to strangers, seed ${seed}`;

async function judge(seed: number): Promise<void> {
  const events = await runWorkload({ seed, users: USERS, steps: STEPS, open });
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  expect(count('sent')).toBeGreaterThan(0);
  expect(count('final')).toBeGreaterThan(0);
  expect(check(events), `POSTRIDER_HISTORY_SEED=${seed} repeats the decisions`).toEqual([]);
}

for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
  test(name(seed), () => judge(seed), TIMEOUT_MS);
}
