import type { PostriderError } from '../client/errors.ts';
import { type CliError, exitCodeOf, isExplained } from './errors.ts';
import { type Io, write } from './io.ts';
import { jsonLine, plain } from './text.ts';

/** One line of `--json`: what it tells, by its `type`. */
export type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Results go to stdout, what is said about them to stderr; for people, or with `--json` an object a line. */
export interface Output {
  /** Either form of an event, without a line break. */
  format(event: Event, forPeople: string): string;
  result(event: Event, forPeople: string): Promise<void>;
  note(event: Event, forPeople: string): Promise<void>;
}

export function makeOutput({ stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>, json: boolean): Output {
  const format = (event: Event, forPeople: string) => (json ? jsonLine(event) : forPeople);
  return {
    format,
    result: (event, forPeople) => write(stdout, `${format(event, forPeople)}\n`),
    note: (event, forPeople) => write(stderr, `${format(event, forPeople)}\n`),
  };
}

/** Where the SDK advises whoever programs with it, a person at the terminal is told something else. */
const ownRemedies: Readonly<Record<string, string>> = {
  closed: 'Give the command again.',
  offline: 'Look whether the server is there, and give the command again.',
  queue_full: 'Wait until some of the messages that wait are sent.',
};

/** The error as an event, and for people. */
export function errorEvent(error: CliError | PostriderError): readonly [Event, string] {
  const { code, message } = error;
  const remedy = ownRemedies[code] ?? error.remedy;
  return [{ type: 'error', code, message, remedy }, `${plain(message)}\n  → ${plain(remedy)}`];
}

/** Tells what ended the command; gives the exit code. */
export async function report(error: unknown, output: Output): Promise<number> {
  if (isExplained(error)) await output.note(...errorEvent(error));
  else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await output.note({ type: 'error', code: 'defect', message: text, remedy: 'Please report this.' }, text);
  }
  return exitCodeOf(error);
}
