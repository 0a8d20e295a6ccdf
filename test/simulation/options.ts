import { availableParallelism } from 'node:os';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

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
  readonly help: boolean;
}

/** What is wrong with the options, and what to write instead. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

export const mostSeeds = 4_294_967_295;

/** Throws `OptionError`. */
export function parseOptions(args: readonly string[]): SimulateOptions {
  const values = readArguments(args, {
    ...{ from: { type: 'string' }, seeds: { type: 'string' }, seed: { type: 'string' } },
    ...{ workers: { type: 'string' }, first: { type: 'boolean' }, trace: { type: 'boolean' } },
    help: { type: 'boolean' },
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
    ...{ first: values.first ?? false, trace: values.trace ?? false, help: values.help ?? false, single },
  };
}

/** Throws `OptionError`. */
export function readArguments<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

/** Throws `OptionError`. */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new OptionError(`${name} is a whole number from ${least} to ${most}, not "${text}".`);
}

/** What `read` makes of the arguments. Where they are wrong, says so with `usage` and ends with exit code 2. */
export function optionsOrExit<T>(read: () => T, usage: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stdout.write(`${error.message}\n\n${usage}\n`);
    process.exit(2);
  }
}
