import { readFileSync } from 'node:fs';

/** A test of the contract that a place is known not to pass, and why. */
export interface Deviation {
  readonly test: string;
  readonly reason: string;
}

function isDeviation(value: unknown): value is Deviation {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { test, reason } = value as Partial<Record<keyof Deviation, unknown>>;
  return typeof test === 'string' && test !== '' && typeof reason === 'string' && reason !== '';
}

/**
 * Reads a list of `{ "test": full test name, "reason": why }`, and gives the reasons by test name.
 * Throws when the text is anything else, or names a test twice: a list that is read wrongly would hide failures.
 */
export function parseDeviations(text: string): ReadonlyMap<string, string> {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) {
    throw new Error('deviations: expected a JSON array of { "test", "reason" }');
  }
  const reasons = new Map<string, string>();
  for (const entry of list as unknown[]) {
    if (!isDeviation(entry)) {
      throw new Error(`deviations: every entry needs a "test" and a "reason": ${JSON.stringify(entry)}`);
    }
    if (reasons.has(entry.test)) {
      throw new Error(`deviations: named twice: ${entry.test}`);
    }
    reasons.set(entry.test, entry.reason);
  }
  return reasons;
}

/** The list that the environment variable POSTRIDER_DEVIATIONS names; empty without it. */
export function readDeviations(path = process.env.POSTRIDER_DEVIATIONS): ReadonlyMap<string, string> {
  return path ? parseDeviations(readFileSync(path, 'utf8')) : new Map();
}

/** The listed tests of `section` that do not exist: a renamed test must not stay on the list unseen. */
export function unknownDeviations(
  deviations: ReadonlyMap<string, string>,
  section: string,
  registered: ReadonlySet<string>,
): string[] {
  return [...deviations.keys()].filter((name) => name.startsWith(`${section} > `) && !registered.has(name));
}
