import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError, optionsOrExit, readArguments, wholeNumber } from '#infra/command-line.ts';
import { mutations } from './mutations/all.ts';
import { type Mutation, withoutGuard } from './mutations/mutation.ts';
import { mostSeeds } from './options.ts';

const usage = `npm run simulate:mutate -- [options]

Takes the guards out one by one, in a copy of the source, looks for a seed of the simulation and for a test that go red,
and prints the table.

  --seeds M     how many seeds are tried for each guard (500)
  --only TEXT   only the guards whose name has this in it
  --write       the whole table becomes docs/guards.md
  --help

Exit code: 0 each guard is missed, 1 nothing misses one, 2 wrong options.`;

const { values, chosen } = optionsOrExit(readOptions, usage);

/** Throws `OptionError`. */
function readOptions(args: readonly string[]) {
  const values = readArguments(args, {
    seeds: { type: 'string', default: '500' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  });
  const { only, seeds, write } = values;
  wholeNumber('--seeds', seeds, 1, mostSeeds);
  if (write && only !== undefined) throw new OptionError('--write wants the whole table: leave out --only.');
  const chosen = mutations.filter(({ guard }) => guard.includes(only ?? ''));
  if (chosen.length === 0)
    throw new OptionError(`No guard has "${only}" in its name: docs/guards.md has them all.`);
  return { values, chosen };
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

function copySource(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutation-'));
  for (const file of git('ls-files').split('\n')) cpSync(join(root, file), join(copy, file));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** `seed 17 (loss)`, or nothing. */
function firstRed(copy: string): string | undefined {
  const script = join(copy, 'test/simulation/run.ts');
  const run = spawnSync(process.execPath, [script, '--first', '--seeds', values.seeds], { encoding: 'utf8' });
  const [, seed, rule] = /^seed (\d+) failed.*\n {2}(\w+):/m.exec(run.stdout) ?? [];
  if (seed !== undefined) return `${seed} (${rule})`;
  if (run.status !== 0) throw new Error(`The simulation broke down: ${run.stderr}`);
  return undefined;
}

interface TestResults {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The first test of the file that goes red, or nothing. A file that does not load is a broken mutation. */
function firstRedTest(copy: string, file: string): string | undefined {
  const results = join(copy, 'results.json');
  const options = ['run', `test/${file}`, '--reporter=json', `--outputFile=${results}`];
  spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...options], { cwd: copy });
  const { testResults }: TestResults = JSON.parse(readFileSync(results, 'utf8'));
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (tests.length === 0) throw new Error(`${file} did not run: ${testResults[0]?.message}`);
  return tests.find(({ status }) => status === 'failed')?.fullName;
}

function judgeGuard(copy: string, mutation: Mutation): { readonly row: string; readonly isMissed: boolean } {
  const { guard, file, test } = mutation;
  const path = join(copy, file);
  const source = readFileSync(join(root, file), 'utf8');
  writeFileSync(path, withoutGuard(source, mutation));
  const seed = firstRed(copy);
  const name = firstRedTest(copy, test);
  writeFileSync(path, source);
  const of = file.split('/').at(-1);
  const outcome = (seed ?? name) ? (seed ?? '–') : '**nothing misses it**';
  return {
    row: `| ${guard} | \`${of}\` | ${outcome} | ${name ? `${name} (\`${test.split('/').at(-1)}\`)` : '–'} |`,
    isMissed: seed !== undefined || name !== undefined,
  };
}

const write = (line: string) => void process.stdout.write(`${line}\n`);
const lines: string[] = [];
const say = (line: string) => {
  lines.push(line);
  write(line);
};
const copy = copySource();
try {
  say('| without | in | first seed that goes red | first test that goes red |');
  say('|---|---|---|---|');
  for (const mutation of chosen) {
    const { row, isMissed } = judgeGuard(copy, mutation);
    say(row);
    if (!isMissed) process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
if (values.write) {
  // Trees, because they stay what they are when commits are rewritten.
  const [shared, simulation] = [git('rev-parse', 'HEAD:shared'), git('rev-parse', 'HEAD:test/simulation')];
  const head = `# Guards

Guards of the product, taken out one at a time, and what goes red without them: the first of ${values.seeds} seeds of the
simulation, with the rule that it breaks, and the first test. A dash is no gap: the other column holds the guard. For
most of them that is the test; the simulation does not show them. Written by
\`npm run simulate:mutate -- --seeds ${values.seeds} --write\` from the trees \`${shared.slice(0, 12)}\` (shared) and
\`${simulation.slice(0, 12)}\` (test/simulation).
The trees are those of that run; \`git rev-parse HEAD:shared HEAD:test/simulation\` prints those of your checkout, to compare.
`;
  writeFileSync(join(root, 'docs/guards.md'), `${head}\n${lines.join('\n')}\n`);
}
