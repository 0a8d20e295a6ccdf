import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { whatIsWrong } from '#infra/command-line.ts';
import { isUserId } from '#shared/protocol/user-id.ts';
import type { Command, Invocation } from './command.ts';
import { commands } from './commands.ts';
import { exitCodes, usageError } from './errors.ts';
import { helpOf, overview } from './help.ts';
import { aborted, type Io, write } from './io.ts';
import { commonOptions, type Options, parseArgsOptions, wholeNumber } from './options.ts';
import { makeOutput, type Output, report } from './output.ts';
import { findPlace } from './place.ts';
import { plain } from './text.ts';
import { makeTokenSource } from './token-source.ts';

const defaultTimeoutSeconds = 30;

/** Runs one command line, without the program's name; resolves with the exit code. Rejects only if the output fails. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const output = makeOutput(io, argv.includes('--json'));
  try {
    const { words, options } = parse(argv);
    if (options.version) return await showVersion(output);
    const [name, ...rest] = words;
    if (name === 'help' || options.help) return await showHelp(name === 'help' ? rest[0] : name, io);
    if (name === undefined) {
      await write(io.stderr, overview());
      return exitCodes.usage;
    }
    const command = findCommand(name);
    const invocation = prepare(command, rest, options, io, output);
    const running = command.run(invocation);
    if (command.endsByInterrupt) return await running;
    const brokenOff = aborted(io.interrupted).then(() => exitCodes.interrupted);
    return await Promise.race([running, brokenOff]);
  } catch (error) {
    return await report(error, output);
  }
}

async function showHelp(name: string | undefined, { stdout }: Io): Promise<number> {
  await write(stdout, name === undefined ? overview() : helpOf(findCommand(name)));
  return exitCodes.done;
}

async function showVersion(output: Output): Promise<number> {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  await output.word({ type: 'version', version }, plain(version));
  return exitCodes.done;
}

function parse(argv: readonly string[]): { readonly words: readonly string[]; readonly options: Options } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: parseArgsOptions,
      allowPositionals: true,
    });
    return { words: positionals, options: values as Options };
  } catch (error) {
    throw usageError(
      whatIsWrong(error, argv, parseArgsOptions),
      'All options: help. A text that begins with a dash stands behind "--".',
    );
  }
}

function findCommand(name: string): Command {
  const command = commands.find((known) => known.name === name);
  if (command) return command;
  const names = commands.map((known) => known.name).join(', ');
  throw usageError(`There is no command "${name}".`, `There are: ${names}, and help.`);
}

function prepare(
  command: Command,
  written: readonly string[],
  options: Options,
  io: Io,
  output: Output,
): Invocation {
  const remedy = `Write: ${command.name} ${command.usage}. More about it: help ${command.name}`;
  const foreign = Object.keys(options).find((name) =>
    [...commonOptions, ...command.options].every((known) => known !== name),
  );
  if (foreign !== undefined) throw usageError(`--${foreign} is not an option of ${command.name}.`, remedy);
  const people = written.slice(0, command.people);
  const words = written.slice(command.people);
  const [me, them = ''] = people;
  if (me === undefined || people.length < command.people)
    throw usageError(`${command.name} needs ${command.people === 1 ? 'a user id' : 'two user ids'}.`, remedy);
  if (words.length > 0 && !command.takesWords)
    throw usageError(`"${words[0]}" is too much for ${command.name}.`, remedy);
  const wrong = people.find((person) => !isUserId(person));
  if (wrong !== undefined)
    throw usageError(
      `"${wrong}" is not a user id.`,
      '1 to 128 characters of A-Z a-z 0-9 . _ : @ | -, and not "system"',
    );
  if (me === them) throw usageError('Nobody has a conversation with themselves.', remedy);
  const place = findPlace(options.url ?? (io.env.POSTRIDER_URL || undefined));
  return {
    people: [me, them],
    words,
    options,
    place,
    io,
    output,
    timeoutMs: (wholeNumber(options, 'timeout', 1) ?? defaultTimeoutSeconds) * 1_000,
    getToken: makeTokenSource({
      user: me,
      place,
      ...chosenToken(options, io.env),
      env: io.env,
      ttlSeconds: wholeNumber(options, 'ttl', 1),
    }),
  };
}

/** The command line's word goes before the environment's, whichever of the two kinds it is. */
function chosenToken(options: Options, env: Io['env']) {
  const [token, tokenCommand] = [options.token, options['token-command']];
  if (token !== undefined || tokenCommand !== undefined) return { token, tokenCommand };
  return {
    token: env.POSTRIDER_TOKEN || undefined,
    tokenCommand: env.POSTRIDER_TOKEN_COMMAND || undefined,
  };
}
