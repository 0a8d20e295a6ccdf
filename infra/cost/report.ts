import { OptionError, optionsOrExit, readArguments } from '../command-line.ts';
import { type CostLine, monthlyCost, typicalWorkload, type Workload } from './model.ts';

const options = {
  users: 'users',
  messages: 'messages',
  'hours-online': 'hoursOnline',
  sessions: 'sessions',
  'offline-share': 'offlineShare',
  'messages-in-hour': 'messagesInHour',
  'messages-per-ack': 'messagesPerAck',
  'messages-per-read': 'messagesPerRead',
  'content-bytes': 'contentBytes',
  conversations: 'conversationsPerUser',
  months: 'months',
} as const;

const meanings: Readonly<Record<keyof typeof options, string>> = {
  users: 'how many there are',
  messages: 'a month, of all users together',
  'hours-online': 'that a user is connected, a day',
  sessions: 'connections that a user opens, a day',
  'offline-share': 'the share of messages whose recipient is not connected, 0 to 1',
  'messages-in-hour': 'that a conversation has in an hour in which it has any',
  'messages-per-ack': 'that one ack covers',
  'messages-per-read': 'that one read covers',
  'content-bytes': 'of a message',
  conversations: 'of a user',
  months: 'for which messages have been kept',
};

const usage = `npm run cost -- [options]

What a workload costs a month, line by line: docs/cost.md.

${Object.entries(options)
  .map(([name, field]) => [`--${name} N`, name, typicalWorkload[field]] as const)
  .map(
    ([option, name, typical]) =>
      `  ${option.padEnd(22)}${meanings[name as keyof typeof options]} (${typical})`,
  )
  .join('\n')}
  --no-cache            without Valkey
  --help`;

const mostOf: Partial<Record<keyof Workload, number>> = {
  hoursOnline: 24,
  offlineShare: 1,
  contentBytes: 16_384,
};
const leastOf: Partial<Record<keyof Workload, number>> = {
  messagesInHour: 1,
  messagesPerAck: 0.1,
  messagesPerRead: 0.1,
  contentBytes: 1,
};

/** The workload that a command line names; the typical one where it says nothing. Throws `OptionError`. */
export function parseWorkload(args: readonly string[]): Workload {
  const values: Readonly<Record<string, string | boolean | undefined>> = readArguments(args, {
    ...Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' as const }])),
    'no-cache': { type: 'boolean' as const },
  });
  const workload: Record<keyof Workload, number | boolean> = {
    ...typicalWorkload,
    cache: values['no-cache'] !== true,
  };
  for (const [option, field] of Object.entries(options)) {
    const text = values[option];
    if (typeof text !== 'string') continue;
    const number = Number(text);
    const [least, most] = [leastOf[field] ?? 0, mostOf[field] ?? Number.MAX_SAFE_INTEGER];
    if (text.trim() === '' || !(number >= least && number <= most)) {
      throw new OptionError(
        `--${option} is ${JSON.stringify(text)}: write a number from ${least} to ${most}.`,
      );
    }
    workload[field] = number;
  }
  return workload as unknown as Workload;
}

/** The lines as a table, with their sum, and what a million more messages would add. */
export function formatReport(workload: Workload): string {
  const lines = monthlyCost(workload);
  const total = totalOf(lines);
  const more = totalOf(monthlyCost({ ...workload, messages: workload.messages + 1e6 })) - total;
  return [
    `${group(workload.users)} users, ${group(workload.messages)} messages a month`,
    '',
    ...lines.map(({ what, quantity, unit, price, cost }) =>
      [
        what.padEnd(28),
        amount(quantity).padStart(14),
        unit.padEnd(9),
        `x $${rate(price)}`.padEnd(16),
        dollars(cost),
      ].join(' '),
    ),
    '',
    `${'a month'.padEnd(70)} ${dollars(total)}`,
    `${'each further million messages'.padEnd(70)} ${dollars(more)}`,
    '',
  ].join('\n');
}

const totalOf = (lines: readonly CostLine[]): number => lines.reduce((sum, { cost }) => sum + cost, 0);
const group = (value: number): string => value.toLocaleString('en-US');
const amount = (value: number): string => group(Number(value.toFixed(value < 100 ? 2 : 0)));
const rate = (price: number): string =>
  price >= 0.001 ? String(price) : `${Number((price * 1e6).toPrecision(6))}/million`;
const dollars = (value: number): string => `$${value.toFixed(2)}`.padStart(11);

if (import.meta.main) process.stdout.write(formatReport(optionsOrExit(parseWorkload, usage)));
