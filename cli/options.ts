import type { ParseArgsConfig } from 'node:util';
import { usageError } from './errors.ts';

interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What the value is, in the help. */
  readonly value?: string;
  readonly help: string;
}

/** Every option of every command. */
export const allOptions = {
  url: {
    type: 'string',
    value: 'ws://…',
    help: 'the WebSocket URL; the local stack by default (POSTRIDER_URL)',
  },
  token: {
    type: 'string',
    value: 'jwt',
    help: 'your token; others can see it in ps, so better POSTRIDER_TOKEN',
  },
  'token-command': {
    type: 'string',
    value: 'command',
    help: 'prints your token; run whenever one is needed (POSTRIDER_TOKEN_COMMAND)',
  },
  json: { type: 'boolean', help: 'for scripts: one JSON object a line' },
  timeout: {
    type: 'string',
    value: 'seconds',
    help: 'how long to try before giving up; 30 by default; tail without --drain waits for ever',
  },
  help: { type: 'boolean', short: 'h', help: 'what a command does' },
  version: { type: 'boolean', help: 'which version this is' },
  id: { type: 'string', value: 'id', help: 'the clientMessageId: sent again with it, it stays one message' },
  count: { type: 'string', value: 'n', help: 'end after so many messages' },
  drain: { type: 'boolean', help: 'end when everything that is there has been printed' },
  all: { type: 'boolean', help: 'from the first message on, whatever was acknowledged' },
  before: { type: 'string', value: 'seq', help: 'only what came before this message' },
  after: { type: 'string', value: 'seq', help: 'only what came after this message' },
  limit: { type: 'string', value: 'n', help: 'so many at most' },
  ttl: { type: 'string', value: 'seconds', help: 'how long the token is good for' },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof allOptions;
export type Options = { readonly [Name in OptionName]?: OptionValue<Name> | undefined };
type OptionValue<Name extends OptionName> = (typeof allOptions)[Name]['type'] extends 'string'
  ? string
  : boolean;

export const commonOptions: readonly OptionName[] = [
  'url',
  'token',
  'token-command',
  'timeout',
  'json',
  'help',
  'version',
];

export const parseArgsOptions: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(
  Object.entries(allOptions).map(([name, option]) => [
    name,
    { type: option.type, ...('short' in option && { short: option.short }) },
  ]),
);

/** The option as a whole number of `least` or more; undefined if it is not given. Throws a usage error. */
export function wholeNumber(options: Options, name: OptionName, least: number): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const number = /^\d{1,15}$/.test(String(text)) ? Number(text) : Number.NaN;
  if (number >= least) return number;
  throw usageError(
    `--${name} must be a whole number of ${least} or more, and it is "${text}".`,
    `--${name} ${least}`,
  );
}
