import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Reads a JSON file of ours; undefined if there is none. What is there but damaged is an error, never a fresh start. */
export function readPrivateFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(damaged(file), { cause });
  }
}

/** Replaces a JSON file that only its owner may read (0600). A crash leaves the old content or the new, never a half. */
export function writePrivateFile(file: string, content: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flush: true });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

export function damaged(file: string): string {
  return `${file} is damaged. Restore it, or remove it and lose what only it could open.`;
}
