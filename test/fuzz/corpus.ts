import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { FuzzTarget } from './target.ts';

const directoryOf = (target: string) => new URL(`./corpus/${target}/`, import.meta.url);

/** The names of all targets: one file each in `targets/`. */
export function targetNames(): string[] {
  const files = readdirSync(new URL('./targets/', import.meta.url));
  return files.map((file) => file.replace(/\.ts$/, '')).sort();
}

export async function loadTarget(name: string): Promise<FuzzTarget> {
  return ((await import(`./targets/${name}.ts`)) as { target: FuzzTarget }).target;
}

/** What is kept in the repository for a target, by file name: inputs that reach something, and those that once broke it. */
export function readCorpus(target: string): Map<string, Uint8Array> {
  const directory = directoryOf(target);
  const files = existsSync(directory) ? readdirSync(directory).sort() : [];
  return new Map(files.map((file) => [file, new Uint8Array(readFileSync(new URL(file, directory)))]));
}

/** Keeps an input for every later run; gives the name of its file. */
export function keepInput(target: string, kind: 'crash' | 'reach', input: Uint8Array): string {
  const name = `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
  mkdirSync(directoryOf(target), { recursive: true });
  writeFileSync(new URL(name, directoryOf(target)), input);
  return name;
}
