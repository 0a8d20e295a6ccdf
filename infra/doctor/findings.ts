import type { SettingName } from '../settings.ts';

/**
 * `stops`: the deployment would fail. `changes`: it would change what nobody may change by accident, and needs a flag that
 * names `setting`. `surprises`: it goes through, and somebody should know. `fine`: looked at, nothing to say.
 */
export type Level = 'stops' | 'changes' | 'surprises' | 'fine';

export interface Finding {
  /** What was looked at, one word: `bootstrap`. */
  readonly check: string;
  readonly level: Level;
  /** What is so, in a sentence. */
  readonly says: string;
  /** What to do or to set. */
  readonly todo?: string;
  /** Of `changes`: what `--change` has to name. */
  readonly setting?: SettingName;
}

/** What was looked for, or why it could not be had. */
export type Looked<T> = { readonly value: T } | { readonly finding: Finding };

export const stops = (check: string, says: string, todo: string): Finding => ({
  check,
  level: 'stops',
  says,
  todo,
});
export const surprises = (check: string, says: string, todo: string): Finding => ({
  check,
  level: 'surprises',
  says,
  todo,
});
export const fine = (check: string, says: string): Finding => ({ check, level: 'fine', says });

export const changes = (check: string, setting: SettingName, says: string): Finding => ({
  check,
  level: 'changes',
  says,
  todo: `If that is meant, add --change ${setting}. If not, write it into the file in settings/.`,
  setting,
});
