import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Mutation, mutations } from './mutations.ts';

/**
 * Takes the guards out one by one, in a copy of the source, and looks for a seed that goes red:
 * `node test/simulation/mutate.ts --seeds 500 [--only "part of a guard's name"]`. Prints the table of docs/proof.md.
 */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '500' }, only: { type: 'string', default: '' } },
});

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What a run of the simulation reads. */
const parts = ['shared', 'test/simulation', 'test/contract/history', 'test/contract/support', 'package.json'];

function copySource(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutation-'));
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** The source without the guard. Throws where the guard is not found: the source has changed, so must the mutation. */
function mutate(source: string, { guard, find, replace, and }: Mutation): string {
  const edits = [{ find, replace }, ...(and ? [and] : [])];
  return edits.reduce((text, edit) => {
    if (!text.includes(edit.find)) throw new Error(`"${guard}": the source no longer has ${edit.find}`);
    return text.replaceAll(edit.find, () => edit.replace);
  }, source);
}

function firstRed(copy: string): { seed: string; rule: string } | undefined {
  const script = join(copy, 'test/simulation/run.ts');
  const run = spawnSync(process.execPath, [script, '--first', '--seeds', values.seeds], { encoding: 'utf8' });
  const [, seed, rule] = /^seed (\d+) failed.*\n {2}(\w+):/m.exec(run.stdout) ?? [];
  if (seed !== undefined && rule !== undefined) return { seed, rule };
  if (run.status !== 0) throw new Error(`The simulation broke down: ${run.stderr}`);
  return undefined;
}

const write = (line: string) => void process.stdout.write(`${line}\n`);
const copy = copySource();
try {
  write('| without | in | first seed that goes red | rule |');
  write('|---|---|---|---|');
  for (const mutation of mutations.filter(({ guard }) => guard.includes(values.only))) {
    const { guard, file, heldElsewhere } = mutation;
    const path = join(copy, file);
    const source = readFileSync(join(root, file), 'utf8');
    writeFileSync(path, mutate(source, mutation));
    const red = firstRed(copy);
    writeFileSync(path, source);
    const outcome = red
      ? `${red.seed} | ${red.rule}`
      : `none of ${values.seeds} | ${heldElsewhere ?? '**nothing misses it**'}`;
    write(`| ${guard} | \`${file.slice(dirname(file).length + 1)}\` | ${outcome} |`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
