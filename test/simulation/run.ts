import { parseArgs } from 'node:util';
import { shrink } from './shrink.ts';
import { type SimulationResult, simulate } from './simulate.ts';

/** `npm run simulate -- --seeds 1000 --from 1`: runs seeds; one that fails is shrunk and printed with its trace. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    /** Ends at the first seed that fails, and does not shrink it: for the mutation table. */
    first: { type: 'boolean', default: false },
    /** Prints the whole trace of the first seed, whatever it finds. */
    trace: { type: 'boolean', default: false },
  },
});
const [from, seeds] = [Number(values.from), Number(values.seeds)];
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(seeds) || seeds < 1)
  throw new RangeError('--from and --seeds are whole numbers.');

const write = (line: string) => void process.stdout.write(`${line}\n`);
const shownTrace = 400;
let failed = 0;
let operations = 0;
let virtualMs = 0;
let longestMs = 0;
const begun = process.cpuUsage();

for (let seed = from; seed < from + seeds; seed += 1) {
  const started = performance.now();
  const result = await simulate(seed, { keepTrace: values.trace });
  longestMs = Math.max(longestMs, performance.now() - started);
  operations += result.operations.length;
  virtualMs += result.virtualMs;
  if (values.trace) for (const line of result.trace) write(line);
  if (result.findings.length > 0) {
    failed += 1;
    await reportFailure(result);
    if (values.first) break;
  }
  if ((seed - from + 1) % 500 === 0) write(`… ${seed - from + 1} seeds, ${failed} failed`);
}
const { user, system } = process.cpuUsage(begun);
write(
  `${seeds} seeds from ${from}: ${operations} operations in ${Math.round(virtualMs / 3_600_000)} h of virtual time,`,
);
write(
  `${Math.round((user + system) / 1e6)} s of CPU, the longest run ${Math.round(longestMs)} ms; ${failed} failed`,
);
process.exitCode = failed > 0 ? 1 : 0;

async function reportFailure(result: SimulationResult): Promise<void> {
  write(`seed ${result.seed} failed: ${result.findings.length} findings, hash ${result.hash}`);
  for (const { rule, detail } of result.findings.slice(0, 5)) write(`  ${rule}: ${detail}`);
  if (values.first) return;
  const shrunk = await shrink(result);
  write(`  shrunk to operations ${[...shrunk.operations].join(' ')}, without ${shrunk.without.join(' ')}`);
  for (const { rule, detail } of shrunk.result.findings.slice(0, 5)) write(`  ${rule}: ${detail}`);
  for (const line of shrunk.result.trace.slice(-shownTrace)) write(`    ${line.slice(0, 400)}`);
}
