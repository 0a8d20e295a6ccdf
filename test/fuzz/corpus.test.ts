import { describe, expect, test } from 'vitest';
import { loadTarget, readCorpus, targetNames } from './corpus.ts';
import { startCoverage } from './coverage.ts';
import { fuzz } from './loop.ts';
import type { FuzzTarget } from './target.ts';

describe.for(targetNames())('%s', (name) => {
  test('bears its seeds, what once broke it, and what reaches furthest', async () => {
    const target = await loadTarget(name);
    for (const seed of target.seeds) await target.run(Buffer.from(seed));
    for (const [file, input] of readCorpus(name)) {
      try {
        await target.run(input);
      } catch (error) {
        throw new Error(`${file} breaks it`, { cause: error });
      }
    }
  });
});

/** Breaks on one text of six letters, which nobody guesses at once, but letter by letter. */
const planted: FuzzTarget = {
  seeds: ['------'],
  words: ['d', 'e', 'f', 'c', 't'],
  files: ['test/fuzz/planted.ts'],
  async run(input) {
    const { step } = await import('./planted.ts');
    step(input);
  },
};

test('coverage leads to a defect behind six checks, which blind tries do not find', async () => {
  const isOn = (inputs: number) => inputs < 60_000;
  const guided = await fuzz(planted, await startCoverage(planted.files), { corpus: [], seed: 1, isOn });
  const blind = await fuzz(planted, await startCoverage([]), { corpus: [], seed: 1, isOn });

  expect(guided.crash?.error).toEqual(new Error('found'));
  expect(Buffer.from(guided.crash?.input ?? '').toString()).toMatch(/^defect/);
  expect(blind.crash).toBeUndefined();
});
