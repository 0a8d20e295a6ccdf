/** What happened in a run, moment by moment, for reading. */
export interface Trace {
  /** Whether it keeps anything: a line that takes work to write need not be written otherwise. */
  readonly isKept: boolean;
  note(...words: readonly unknown[]): void;
  readonly lines: readonly string[];
}

export function makeTrace(now: () => number, start: number, isKept: boolean): Trace {
  const lines: string[] = [];
  return {
    isKept,
    lines,
    note(...words) {
      if (isKept) lines.push(`${String(now() - start).padStart(7)} ms  ${words.join(' ')}`);
    },
  };
}
