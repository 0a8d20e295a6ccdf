import { OptionError } from '../command-line.ts';
import { settingPrefix } from '../settings.ts';
import { readAgreed } from './environment.ts';

export interface DeployArguments {
  /** `key=value` of each `-c`. */
  readonly context: readonly string[];
  /** Settings whose change is meant. */
  readonly agreed: readonly string[];
  readonly profile?: string;
  /** Shows what a deployment would change. */
  readonly diff: boolean;
  /** For the CDK. */
  readonly rest: readonly string[];
}

const ours: Readonly<Record<string, 'context' | 'change' | 'profile'>> = {
  '-c': 'context',
  '--context': 'context',
  '--change': 'change',
  '--profile': 'profile',
};

/** Takes out what is ours and leaves the rest to the CDK, whose options are its own. Throws `OptionError`. */
export function readDeployArguments(args: readonly string[]): DeployArguments {
  const taken: { context: string[]; change: string[]; profile: string[] } = {
    context: [],
    change: [],
    profile: [],
  };
  const rest: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const [, flag = '', , inline] = /^(--?[a-z]+)(=(.*))?$/s.exec(args[at] ?? '') ?? [];
    const kind = ours[flag];
    if (kind === undefined) {
      rest.push(args[at] ?? '');
      continue;
    }
    const value = inline ?? args[++at];
    if (value === undefined) throw new OptionError(`${flag} needs a value.`);
    taken[kind].push(value);
  }
  const astray = rest.find((arg) => arg.includes(settingPrefix));
  if (astray !== undefined)
    throw new OptionError(`${JSON.stringify(astray)} sets nothing: write -c ${settingPrefix}NAME=VALUE.`);
  const profile = taken.profile.at(-1);
  return {
    context: taken.context,
    agreed: readAgreed(taken.change),
    ...(profile !== undefined && { profile }),
    diff: rest.includes('--diff'),
    rest: rest.filter((arg) => arg !== '--diff'),
  };
}
