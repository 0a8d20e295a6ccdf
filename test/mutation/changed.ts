import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { atMost, lineCount, touchedLines } from './touched-lines.ts';

/**
 * `npm run mutate:changed`: mutates the lines that a change touches, since it left origin/main, or since the commit
 * before the last one. Exit code 1: more mutants survive than `tolerated` allows.
 */

/** Lines that are mutated at most. A mutant of the SDK takes half a second of CPU, one that wants a database several. */
const mostLines = 100;
/** After it the run is ended, and nothing is judged. Milliseconds. */
const longestMs = 360_000;
/** Some mutants change nothing that could be seen. So many may survive, or a quarter of all. */
const tolerated = 3;
const toleratedShare = 0.25;
const report = '.postrider/mutation.json';
/** Stryker's copies of the project, which it leaves behind when it is ended. */
const copies = '.postrider/stryker';

interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const git = (...args: string[]) =>
  execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** Undefined where there is only one commit. */
function baseOfChange(): string | undefined {
  for (const find of [() => git('merge-base', 'HEAD', 'origin/main'), () => git('rev-parse', 'HEAD~1')])
    try {
      const base = find();
      if (base !== git('rev-parse', 'HEAD')) return base;
    } catch {
      // There is no such branch here, or no such commit.
    }
  return undefined;
}

function judge({ files }: Report): number {
  const statuses = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status));
  const missed = statuses.filter((status) => status === 'Survived' || status === 'NoCoverage').length;
  const judged = missed + statuses.filter((status) => status === 'Killed' || status === 'Timeout').length;
  const bound = Math.max(tolerated, Math.floor(judged * toleratedShare));
  say(`${judged - missed} of ${judged} mutants were caught; ${bound} may be missed, ${missed} were`);
  return missed > bound ? 1 : 0;
}

function mutateChanged(): number {
  const base = baseOfChange();
  const all =
    base === undefined ? [] : touchedLines(git('diff', '--unified=0', '--diff-filter=d', '-M', base));
  const ranges = atMost(all, mostLines);
  if (ranges.length === 0) {
    say('No line that is mutated was touched.');
    return 0;
  }
  const left = lineCount(all) - lineCount(ranges);
  if (left > 0)
    say(`Of ${lineCount(all)} lines ${left} are left out; \`npm run mutate -- --mutate FILE\` takes them.`);
  rmSync(report, { force: true });
  const patterns = ranges.map(({ file, from, to }) => `${file}:${from}-${to}`);
  const stryker = [
    'node_modules/@stryker-mutator/core/bin/stryker.js',
    'run',
    '--mutate',
    patterns.join(','),
  ];
  const { status, error } = spawnSync(process.execPath, stryker, { stdio: 'inherit', timeout: longestMs });
  rmSync(copies, { recursive: true, force: true, maxRetries: 5 });
  if (Object(error).code === 'ETIMEDOUT') {
    say(
      `Ended after ${longestMs / 60_000} minutes, and not judged: \`npm run mutate -- --mutate FILE\` takes its time.`,
    );
    return 0;
  }
  if (status !== 0) return 1;
  if (existsSync(report)) return judge(JSON.parse(readFileSync(report, 'utf8')));
  say('Those lines have nothing to mutate.');
  return 0;
}

process.exitCode = mutateChanged();
