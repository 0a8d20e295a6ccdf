import { makeDice } from '../simulation/dice.ts';
import type { CoverageMeter } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

export interface FuzzOptions {
  readonly corpus: readonly Uint8Array[];
  /** The same seed tries the same inputs, as long as time does not end it elsewhere. */
  readonly seed: number;
  /** Whether to go on after so many inputs; asked between batches. */
  isOn(inputs: number): boolean;
  /** Told of each input before it is tried. */
  onInput?(input: Uint8Array): void;
}

export interface FuzzResult {
  readonly inputs: number;
  /** Inputs that reached what neither the corpus nor one before them had reached. */
  readonly found: readonly Uint8Array[];
  /** Share of the characters of function bodies that ran, 0 to 1. */
  readonly coverage: number;
  readonly crash?: { readonly input: Uint8Array; readonly error: unknown };
}

/** Taking the coverage is what costs, and most batches reach nothing new. */
const batchSize = 64;

/** Tries the corpus, then mutations of whatever has reached something new, until it is told to end or something breaks. */
export async function fuzz(
  target: FuzzTarget,
  meter: CoverageMeter,
  { corpus, seed, isOn, onInput = () => {} }: FuzzOptions,
): Promise<FuzzResult> {
  const dice = makeDice(seed);
  const pool: Uint8Array[] = [...target.seeds.map((one) => Buffer.from(one)), ...corpus];
  const found: Uint8Array[] = [];
  let inputs = 0;
  let last: Uint8Array = new Uint8Array();

  async function runAll(batch: readonly Uint8Array[]): Promise<void> {
    for (const input of batch) {
      last = input;
      inputs += 1;
      onInput(input);
      await target.run(input);
    }
  }

  /** Which inputs of a batch it was, is found by trying each once more, alone. */
  async function keepWhatIsNew(batch: readonly Uint8Array[]): Promise<void> {
    for (const input of batch) {
      await target.run(input);
      const blocks = await meter.take();
      if (!meter.hasNew(blocks)) continue;
      meter.add(blocks);
      pool.push(input);
      found.push(input);
    }
  }

  try {
    await runAll(pool);
    meter.add(await meter.take());
    while (isOn(inputs)) {
      const batch = Array.from({ length: batchSize }, () =>
        mutate(dice.pick(pool), dice.pick(pool), dice, target.words),
      );
      await runAll(batch);
      const blocks = await meter.take();
      if (!meter.hasNew(blocks)) continue;
      await keepWhatIsNew(batch);
      // What came of several inputs together would otherwise be looked for after every batch.
      meter.add(blocks);
    }
    return { inputs, found, coverage: meter.share() };
  } catch (error) {
    return { inputs, found, coverage: meter.share(), crash: { input: last, error } };
  }
}
