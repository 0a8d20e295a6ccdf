import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** What is wrong with the options, and what to write instead. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** Throws `OptionError`. */
export function readArguments<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new OptionError(whatIsWrong(error instanceof Error ? error.message : String(error)));
  }
}

/** In the words of the terminal client, which may import nothing from here: Node's own are cut, or go over several lines. */
function whatIsWrong(message: string): string {
  const [, word] = /^Unexpected argument '(.*)'\. This/s.exec(message) ?? [];
  if (word !== undefined) return `${JSON.stringify(word)} is too much: there are options alone.`;
  const [, option = ''] = /'(-[^', ]*)/.exec(message) ?? [];
  if (message.startsWith('Unknown option')) return `There is no option ${option}.`;
  if (message.includes('does not take an argument')) return `${option} takes no value.`;
  return `${option} needs a value; one that begins with a dash is written ${option}=-….`;
}

/** Throws `OptionError`. */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new OptionError(`${name} is a whole number from ${least} to ${most}, not "${text}".`);
}

/** What `read` makes of the arguments; for `--help` prints `usage` and ends. Wrong ones are told in a line: exit code 2. */
export function optionsOrExit<T>(read: (args: readonly string[]) => T, usage: string): T {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return read(args);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stderr.write(`${error.message} All options: --help\n`);
    process.exit(2);
  }
}
