import { OptionError, readArguments, wholeNumber } from '#infra/command-line.ts';
import { type FaultKind, faultKinds, killKinds, meanings, wireKinds } from './kinds.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly users: number;
  readonly faults: readonly FaultKind[];
  /** Where report, history and logs go; a folder of its own below `.postrider/chaos` by default. */
  readonly out: string | undefined;
}

const groups: Readonly<Record<string, readonly FaultKind[]>> = {
  all: faultKinds,
  none: [],
  wire: wireKinds,
  cache: faultKinds.filter((kind) => kind.startsWith('cache-')),
  kills: killKinds,
};

export const usage = `npm run chaos -- [options]

Runs users with several devices each against the real local stack while faults happen, lets every device come back,
and judges what they recorded by the promises of docs/protocol.md. Exit code 0: nothing found; 1: findings; 2: it could
not be run.

  --seed n       decides the plan of workload and faults; a random one by default. What meets what is the machine's.
  --minutes m    how long faults happen, 0.1 to 600; 2 by default. Then up to four minutes for all to come back.
  --users n      2 to 50; 5 by default. They have one, two or three devices.
  --faults list  kinds or groups, with commas between them; "-" before one leaves it out. All by default.
  --out folder   where report, history and logs go; .postrider/chaos/… by default.
  --help         this text

Groups: ${Object.keys(groups).join(', ')}. Kinds:
${faultKinds.map((kind) => `  ${kind.padEnd(14)} ${meanings[kind]}`).join('\n')}`;

/** Throws `OptionError`. */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const values = readArguments(args, {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    users: { type: 'string' },
    faults: { type: 'string' },
    out: { type: 'string' },
  });
  const seed = values.seed ?? String(Math.floor(Math.random() * 1e6));
  return {
    seed: wholeNumber('--seed', seed, 0, 2 ** 31),
    minutes: minutesOf(values.minutes ?? '2'),
    users: wholeNumber('--users', values.users ?? '5', 2, 50),
    faults: faultsOf(values.faults ?? 'all'),
    out: values.out,
  };
}

function minutesOf(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0.1 && value <= 600) return value;
  throw new OptionError(`--minutes is a number from 0.1 to 600, not "${text}".`);
}

function faultsOf(text: string): FaultKind[] {
  const chosen = new Set<FaultKind>();
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name.startsWith('-'))) names.unshift('all');
  for (const name of names) {
    const leaveOut = name.startsWith('-');
    for (const kind of kindsCalled(leaveOut ? name.slice(1) : name)) {
      if (leaveOut) chosen.delete(kind);
      else chosen.add(kind);
    }
  }
  return faultKinds.filter((kind) => chosen.has(kind));
}

function kindsCalled(name: string): readonly FaultKind[] {
  const known = Object.hasOwn(groups, name) ? groups[name] : faultKinds.filter((kind) => kind === name);
  if (known === undefined || (known.length === 0 && name !== 'none'))
    throw new OptionError(
      `--faults knows no "${name}". Groups: ${Object.keys(groups).join(', ')}. Kinds: ${faultKinds.join(', ')}.`,
    );
  return known;
}
