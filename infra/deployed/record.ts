import { isSettingName, type SettingName, type Settings } from '../settings.ts';

/** The output of each stack that holds the settings with which it was deployed. */
export const recordOutput = 'Settings';

/** Those that the data stack is made by; it outlives the other stack. */
export const dataSettings: readonly SettingName[] = ['issuer', 'selfSignUp', 'keepData'];

/** Settings that must not change by being forgotten, each with what its change does. */
const grave: { readonly [K in SettingName]?: string } = {
  issuer: 'other tokens are accepted: nobody stays signed in, and the same people may get other user ids',
  audience: 'tokens that are accepted now may be refused',
  jwksUri: 'the keys by which tokens are verified come from elsewhere',
  tokenScope: 'other tokens are accepted',
  epoch: 'every device forgets what it held, and loads it anew',
  domainName: 'clients have to connect to another URL',
  cache: 'the cache is made, replaced or deleted',
  keepData: 'without it, deleting the stacks deletes every message',
};

export interface Difference {
  readonly name: SettingName;
  readonly before: unknown;
  readonly after: unknown;
  /** What the change does, where it must not come about by accident. */
  readonly effect?: string;
}

/** What a stack puts out about the settings that it was made with. */
export function recordOf(settings: Settings, names?: readonly SettingName[]): string {
  const entries = Object.entries(settings).filter(
    ([name]) => isSettingName(name) && (names === undefined || names.includes(name)),
  );
  return JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/**
 * In which settings a deployment differs from these. A setting that the record does not have was absent, as were those
 * that came later than the record. `undefined` if this is no record.
 */
export function differences(
  record: string | undefined,
  settings: Settings,
  names?: readonly SettingName[],
): Difference[] | undefined {
  const before = parseRecord(record);
  if (before === undefined) return undefined;
  const after: Readonly<Record<string, unknown>> = { ...settings };
  const every = names ?? [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(isSettingName);
  return every
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => {
      const effect = grave[name];
      return { name, before: before[name], after: after[name], ...(effect !== undefined && { effect }) };
    });
}

export function parseRecord(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? { ...record } : undefined;
  } catch {
    return undefined;
  }
}
