import { createHash } from 'node:crypto';

/** What happened in a run, moment by moment. Two runs that give the same hash did the same. */
export interface Trace {
  note(...words: readonly unknown[]): void;
  hash(): string;
  readonly lines: readonly string[];
}

/** `keep` keeps the lines for reading; the hash covers them either way. */
export function makeTrace(now: () => number, start: number, keep: boolean): Trace {
  const hash = createHash('sha256');
  const lines: string[] = [];
  return {
    lines,
    note(...words) {
      const line = `${String(now() - start).padStart(7)} ms  ${words.join(' ')}`;
      hash.update(`${line}\n`);
      if (keep) lines.push(line);
    },
    hash: () => hash.copy().digest('hex'),
  };
}
