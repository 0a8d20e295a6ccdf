import type { Command } from './command.ts';
import { commands } from './commands.ts';
import { allOptions, commonOptions, type OptionName } from './options.ts';

const program = 'npx postrider';

/** What there is, for somebody who has never seen it. */
export function overview(): string {
  return `Talk over Postrider from the terminal.

  ${program} <command> …

Commands, in which <me> and <them> are user ids (on the local stack just think of some):
${table(commands.map(({ name, usage, summary }) => [`${name} ${usage}`, summary]))}

Try it: start the local stack with npm start, and in two more terminals
  ${program} chat alice bob
  ${program} chat bob alice

Elsewhere, name the place and where your tokens come from:
  ${program} tail alice --url wss://abc.execute-api.eu-central-1.amazonaws.com/v1 --token-command ./my-token.sh

Options of every command:
${optionTable(commonOptions)}

Exit codes: 0 done · 1 refused, and will be again · 2 wrong command line · 3 no connection or no answer in time, so try
again · 4 no token, or not accepted · 70 a defect of this program · 130 broken off · 141 nobody reads the output any more.
Results go to stdout, everything else to stderr.

More about one of them: ${program} help chat
`;
}

export function helpOf({ name, usage, summary, details, examples, options }: Command): string {
  const own = options.length === 0 ? '' : `\nOptions:\n${optionTable(options)}\n`;
  return `${name} ${usage}: ${summary}.

${details}

${examples.map((example) => `  ${exampleLine(example)}`).join('\n')}
${own}
Options of every command:
${optionTable(commonOptions)}
`;
}

/** `%` stands for the program where it does not come first. */
function exampleLine(example: string): string {
  return example.includes('% ') ? example.replace('%', program) : `${program} ${example}`;
}

function optionTable(names: readonly OptionName[]): string {
  return table(
    names.map((name) => {
      const option = allOptions[name];
      const value = 'value' in option ? ` ${option.value}` : '';
      return [`--${name}${value}`, option.help];
    }),
  );
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
