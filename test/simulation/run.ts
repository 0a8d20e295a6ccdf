import { Worker } from 'node:worker_threads';
import { optionsOrExit } from '#infra/command-line.ts';
import { parseOptions, usage } from './options.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { add, noSeeds, runSlice, type SliceResult } from './slice.ts';

/** `npm run simulate -- --help` says what it does. */

const write = (line: string) => void process.stdout.write(`${line}\n`);
const sliceSeeds = 250;
const shownTrace = 400;
const progressMs = 15_000;

const options = optionsOrExit(parseOptions, usage);
if (options.single) await lookClosely(options.from);
else await runMany();

async function runMany(): Promise<void> {
  const { from, seeds, workers, first } = options;
  const begun = performance.now();
  let reported = begun;
  let sum = noSeeds;
  let next = from;
  const command = () => `npm run simulate -- --from ${from + sum.seeds} --seeds ${seeds - sum.seeds}`;

  /** Takes slices until there are none. */
  async function work(run: (slice: number, size: number) => Promise<SliceResult>): Promise<void> {
    while (next < from + seeds && !(first && sum.failed.length > 0)) {
      const slice = next;
      const size = Math.min(sliceSeeds, from + seeds - next);
      next += size;
      const result = await run(slice, size);
      sum = add(sum, result);
      for (const seed of result.failed) await reportFailure(seed, first);
      if (performance.now() - reported < progressMs) continue;
      reported = performance.now();
      const rate = Math.round((1000 * sum.seeds) / (reported - begun));
      write(
        `… ${sum.seeds} of ${seeds} seeds, ${rate}/s, ${sum.failed.length} failed; goes on with: ${command()}`,
      );
    }
  }

  if (workers === 1) await work((slice, size) => runSlice(slice, size, first));
  else await Promise.all(Array.from({ length: workers }, () => inWorker((run) => work(run), first)));
  const { user, system } = process.cpuUsage();
  const hours = Math.round(sum.virtualMs / 3_600_000);
  write(`${sum.seeds} seeds from ${from}: ${sum.operations} operations in ${hours} h of virtual time,`);
  const cpu = ((user + system) / 1e6).toFixed(1);
  write(`${cpu} s of CPU, the longest run ${Math.round(sum.longestMs)} ms; ${sum.failed.length} failed`);
  process.exitCode = sum.failed.length > 0 ? 1 : 0;
}

/** Lends a thread to `work` until it is done. */
async function inWorker(
  work: (run: (from: number, seeds: number) => Promise<SliceResult>) => Promise<void>,
  first: boolean,
): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  try {
    await work(
      (from, seeds) =>
        new Promise((resolve, reject) => {
          worker.once('error', reject);
          worker.once('message', (result: SliceResult) => {
            worker.removeAllListeners('error');
            resolve(result);
          });
          worker.postMessage({ from, seeds, first });
        }),
    );
  } finally {
    await worker.terminate();
  }
}

async function lookClosely(seed: number): Promise<void> {
  const result = await simulate(seed, { keepTrace: options.trace });
  for (const line of result.trace) write(line);
  const hours = (result.virtualMs / 3_600_000).toFixed(2);
  write(
    `seed ${seed}: ${result.operations.length} operations in ${hours} h of virtual time, hash ${result.hash}`,
  );
  if (result.findings.length === 0) return write('everything held');
  await reportFailure(seed, options.trace);
  process.exitCode = 1;
}

/** `briefly` leaves it as it is, which takes no time. */
async function reportFailure(seed: number, briefly: boolean): Promise<void> {
  const result = await simulate(seed);
  write(`seed ${seed} failed: ${result.findings.length} findings, hash ${result.hash}`);
  for (const { rule, detail } of result.findings.slice(0, 5)) write(`  ${rule}: ${detail}`);
  if (briefly) return;
  const shrunk = await shrink(result);
  write(`  shrunk to operations ${[...shrunk.operations].join(' ')}, without ${shrunk.without.join(' ')}`);
  for (const { rule, detail } of shrunk.result.findings.slice(0, 5)) write(`  ${rule}: ${detail}`);
  for (const line of shrunk.result.trace.slice(-shownTrace)) write(`    ${line.slice(0, 400)}`);
}
