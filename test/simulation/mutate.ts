import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError, optionsOrExit, readArguments, wholeNumber } from '#infra/command-line.ts';
import { mutations } from './mutations/all.ts';
import { type Mutation, withoutGuard } from './mutations/mutation.ts';
import { mostSeeds } from './options.ts';

const usage = `npm run simulate:mutate -- [options]

Takes the guards out one by one, in a copy of the source, looks for a seed of the simulation that goes red, and prints
the table. What a single test holds is not among them: \`npm run mutate\` takes that out.

  --seeds M     how many seeds are tried for each guard (500)
  --only TEXT   only the guards whose name has this in it
  --write       the whole table becomes docs/guards.md
  --help

Exit code: 0 each guard is missed, 1 no seed misses one, 2 wrong options.`;

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

function judgeGuard(copy: string, mutation: Mutation): { readonly row: string; readonly isMissed: boolean } {
  const { guard, file } = mutation;
  const path = join(copy, file);
  const source = readFileSync(join(root, file), 'utf8');
  writeFileSync(path, withoutGuard(source, mutation));
  const seed = firstRed(copy);
  writeFileSync(path, source);
  return {
    row: `| ${guard} | \`${basename(file)}\` | ${seed ?? '**no seed misses it**'} |`,
    isMissed: seed !== undefined,
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
  say('| without | in | first seed that goes red |');
  say('|---|---|---|');
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

What the simulation shows: guards of the product, each taken out by itself, and the first of ${values.seeds} seeds that goes
red without it, with the rule that it breaks. Guards that only a test of their own can miss are not here: [mutation
testing](mutation-testing.md) takes those out. Written by \`npm run simulate:mutate -- --seeds ${values.seeds} --write\` from the
trees \`${shared.slice(0, 12)}\` (shared) and \`${simulation.slice(0, 12)}\` (test/simulation).
The trees are those of that run; \`git rev-parse HEAD:shared HEAD:test/simulation\` prints those of your checkout, to compare.
`;
  writeFileSync(join(root, 'docs/guards.md'), `${head}\n${lines.join('\n')}\n`);
}
