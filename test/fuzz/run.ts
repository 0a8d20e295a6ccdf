import { Worker } from 'node:worker_threads';
import { OptionError, optionsOrExit, readArguments, wholeNumber } from '#infra/command-line.ts';
import { keepInput, targetNames } from './corpus.ts';
import { longestInput } from './mutate.ts';
import type { FuzzJob, FuzzReport } from './worker.ts';

const usage = `npm run fuzz -- [options]

Tries each boundary with inputs that coverage leads: docs/bad-input.md. What breaks one is kept in test/fuzz/corpus.

  --seconds S    how long for each target (10)
  --target NAME  this one alone; may be given more than once. There are
                 ${targetNames().join(', ')}
  --seed N       the same inputs once more; a new one by default
  --keep         keeps what reached something new, for the repository
  --help

Exit code: 0 nothing broke, 1 a target broke, 2 wrong options.`;

const mostSeeds = 2 ** 32 - 1;
const { targets, seconds, seed, keep } = optionsOrExit(readOptions, usage);

/** Throws `OptionError`. */
function readOptions(args: readonly string[]) {
  const values = readArguments(args, {
    seconds: { type: 'string', default: '10' },
    target: { type: 'string', multiple: true, default: targetNames() },
    seed: { type: 'string', default: String(Date.now() % mostSeeds) },
    keep: { type: 'boolean', default: false },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new OptionError(`--seconds is a number above 0, not "${values.seconds}".`);
  const unknown = values.target.find((name) => !targetNames().includes(name));
  if (unknown !== undefined)
    throw new OptionError(`There is no target "${unknown}"; there are ${targetNames().join(', ')}.`);
  const seed = wholeNumber('--seed', values.seed, 0, mostSeeds);
  return { targets: values.target, seconds, seed, keep: values.keep };
}

/** No input takes longer than this, or it hangs. */
const longestMs = 10_000;
/** A target that keeps what it is given runs out of it. */
const heapMegabytes = 192;

/** What is kept for the repository: an input that needs more is found again each time. */
const mostKeptBytes = 2_000;

type Outcome = { readonly report: FuzzReport } | { readonly input: Uint8Array; readonly error: string };

/** Runs one target in a thread of its own, with a heap of its own. */
function run(target: string): Promise<Outcome> {
  const current = new SharedArrayBuffer(4 + longestInput);
  const progress = new SharedArrayBuffer(4);
  const workerData: FuzzJob = { target, seconds, seed, current, progress };
  const resourceLimits = { maxOldGenerationSizeMb: heapMegabytes };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, resourceLimits });
  const lastInput = () => {
    const [length = 0] = new Uint32Array(current, 0, 1);
    return Uint8Array.from(new Uint8Array(current, 4, length));
  };
  return new Promise((resolve) => {
    let seen = -1;
    const watch = setInterval(() => {
      const [count = 0] = new Uint32Array(progress);
      if (count === seen && count > 0)
        end({ input: lastInput(), error: `It hangs: ${longestMs} ms and more.` });
      seen = count;
    }, longestMs);
    const end = (outcome: Outcome) => {
      clearInterval(watch);
      resolve(outcome);
      void worker.terminate();
    };
    worker.on('message', (report: FuzzReport) => end({ report }));
    worker.on('error', (error) =>
      end({ input: lastInput(), error: String((error as Error).stack ?? error) }),
    );
  });
}

const write = (line: string) => void process.stdout.write(`${line}\n`);
write(`seed ${seed}, ${seconds} s each`);
let inputs = 0;
let broken = 0;
for (const target of targets) {
  const outcome = await run(target);
  const report = 'report' in outcome ? outcome.report : undefined;
  const crash = 'report' in outcome ? outcome.report.crash : outcome;
  inputs += report?.inputs ?? 0;
  if (report) {
    const share = `${(100 * report.coverage).toFixed(1)} %`;
    write(
      `${target}: ${report.inputs} inputs, ${share} covered, ${report.found.length} reached something new`,
    );
    const small = report.found.filter((input) => input.length <= mostKeptBytes);
    if (keep) for (const input of small) keepInput(target, 'reach', input);
  }
  if (crash) {
    broken += 1;
    write(`${target} broke; the input is kept as ${keepInput(target, 'crash', crash.input)}`);
    write(crash.error);
  }
}
write(`${inputs} inputs, ${broken} targets broke`);
process.exitCode = broken > 0 ? 1 : 0;
