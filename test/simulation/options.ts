import { availableParallelism } from 'node:os';
import { OptionError, readArguments, wholeNumber } from '#infra/command-line.ts';

export const usage = `npm run simulate -- [options]

  --from N      the first seed (1)
  --seeds M     how many seeds (1000)
  --workers W   threads that run them side by side (1)
  --first       end at the first seed that fails
  --seed N      this seed alone; if it fails, it is shrunk and printed with its trace
  --trace       with --seed: print the whole trace, whatever it finds
  --help

Exit code: 0 all held, 1 a seed failed, 2 wrong options.`;

export interface SimulateOptions {
  readonly from: number;
  readonly seeds: number;
  readonly workers: number;
  readonly first: boolean;
  /** Whether one seed was named, which is looked at closely. */
  readonly single: boolean;
  readonly trace: boolean;
}

export const mostSeeds = 4_294_967_295;

/** Throws `OptionError`. */
export function parseOptions(args: readonly string[]): SimulateOptions {
  const values = readArguments(args, {
    ...{ from: { type: 'string' }, seeds: { type: 'string' }, seed: { type: 'string' } },
    ...{ workers: { type: 'string' }, first: { type: 'boolean' }, trace: { type: 'boolean' } },
  });
  const most = availableParallelism();
  const single = values.seed !== undefined;
  if (single && (values.from !== undefined || values.seeds !== undefined))
    throw new OptionError('--seed names one seed, --from and --seeds name many: give one or the other.');
  if (values.trace && !single)
    throw new OptionError('--trace prints the trace of one seed: name it by --seed N.');
  return {
    from: wholeNumber('--from', values.seed ?? values.from ?? '1', 0, mostSeeds),
    seeds: single ? 1 : wholeNumber('--seeds', values.seeds ?? '1000', 1, mostSeeds),
    workers: wholeNumber('--workers', values.workers ?? '1', 1, most),
    ...{ first: values.first ?? false, trace: values.trace ?? false, single },
  };
}
