import type { PostriderError } from '../client/errors.ts';
import { type CliError, exitCodeOf, isExplained } from './errors.ts';
import { type Io, write } from './io.ts';
import { jsonLine, type PlainText, plain, rows, say } from './text.ts';

/** One line of `--json`: what it tells, by its `type`. */
export type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Results go to stdout, what is said about them to stderr; for people, or with `--json` an object a line. */
export interface Output {
  /** Either form of an event, without a line break at its end; for people in rows that fit the terminal. */
  format(event: Event, forPeople: PlainText): string;
  result(event: Event, forPeople: PlainText): Promise<void>;
  /** A result that another program takes over as it is: `word` is not broken into rows. */
  word(event: Event, word: PlainText): Promise<void>;
  /** In rows only on a terminal: elsewhere a script looks for its words. */
  note(event: Event, forPeople: PlainText): Promise<void>;
}

export function makeOutput(
  { stdout, stderr, env }: Pick<Io, 'stdout' | 'stderr' | 'env'>,
  json: boolean,
): Output {
  const format = (event: Event, forPeople: PlainText) =>
    json ? jsonLine(event) : rows(forPeople, columnsOf(stdout, env));
  return {
    format,
    result: (event, forPeople) => write(stdout, `${format(event, forPeople)}\n`),
    word: (event, word) => write(stdout, `${json ? jsonLine(event) : word}\n`),
    note: (event, forPeople) =>
      write(stderr, `${stderr.isTTY || json ? format(event, forPeople) : forPeople}\n`),
  };
}

/** Of a pipe nobody knows; what comes out of it is most often read on a terminal after all. */
function columnsOf({ columns }: Io['stdout'], { COLUMNS }: Io['env']): number {
  return columns || Number(COLUMNS) || 80;
}

/** Where the SDK advises whoever programs with it, a person at the terminal is told something else. */
const ownRemedies: Readonly<Record<string, string>> = {
  closed: 'Give the command again.',
  offline: 'Look whether the server is there, and give the command again.',
  queue_full: 'Wait until some of the messages that wait are sent.',
};

/** The error as an event, and for people. */
export function errorEvent(error: CliError | PostriderError): readonly [Event, PlainText] {
  const { code, message } = error;
  const remedy = ownRemedies[code] ?? error.remedy;
  return [{ type: 'error', code, message, remedy }, say`${message}\n  → ${remedy}`];
}

/** Tells what ended the command; gives the exit code. */
export async function report(error: unknown, output: Output): Promise<number> {
  if (isExplained(error)) await output.note(...errorEvent(error));
  else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await output.note(
      { type: 'error', code: 'defect', message: text, remedy: 'Please report this.' },
      plain(text),
    );
  }
  return exitCodeOf(error);
}
