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
    throw new OptionError(whatIsWrong(error, args, options));
  }
}

/**
 * What `parseArgs` has against these arguments, in a sentence: its own are cut, or go over several lines. Throws the
 * error again if it is about something else.
 */
export function whatIsWrong(
  error: unknown,
  args: readonly string[],
  options: ParseArgsOptionsConfig,
): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const isText = (name: string) => options[name]?.type === 'string';
  for (const token of tokens) {
    if (token.kind === 'positional' && code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
      return `${JSON.stringify(token.value)} is too much: there are options alone.`;
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && !Object.hasOwn(options, name))
      return `There is no option ${rawName}.`;
    if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') continue;
    if (!isText(name) && value !== undefined) return `${rawName} takes no value.`;
    // Node takes a dash for the next option.
    if (isText(name) && (value === undefined || (value.startsWith('-') && !inlineValue)))
      return `${rawName} needs a value; one that begins with a dash is written ${rawName}=-….`;
  }
  throw error;
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
