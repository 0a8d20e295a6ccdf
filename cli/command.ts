import type { GetToken } from '../client/tokens.ts';
import type { Io } from './io.ts';
import type { OptionName, Options } from './options.ts';
import type { Output } from './output.ts';
import type { Place } from './place.ts';

/** What a command is run with. */
export interface Invocation {
  /** Its user ids, as many as `people` says, all of them valid. */
  readonly people: readonly [string, string];
  /** What else was written. */
  readonly words: readonly string[];
  readonly options: Options;
  readonly place: Place;
  /** A token of the first of the people. */
  readonly getToken: GetToken;
  readonly io: Io;
  readonly output: Output;
  /** Milliseconds to wait for a connection and an answer. */
  readonly timeoutMs: number;
}

export interface Command {
  readonly name: string;
  /** What stands behind the name, for example `<me> <them>`. */
  readonly usage: string;
  /** How many user ids it begins with: 1 or 2. */
  readonly people: 1 | 2;
  /** Whether more words may follow. */
  readonly takesWords?: boolean;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The rest of its own help. */
  readonly details: string;
  readonly examples: readonly string[];
  /** Besides those that every command has. */
  readonly options: readonly OptionName[];
  /** Whether Ctrl-C is how it is ended, and not how it is broken off. */
  readonly endsByInterrupt?: boolean;
  /** Resolves with the exit code. Rejects with `CliError` or `PostriderError`. */
  run(invocation: Invocation): Promise<number>;
}
