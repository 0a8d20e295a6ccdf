import type { Dice } from './dice.ts';

/** What may become of one attempt at an AWS call. */
export type Fate =
  | 'fine'
  /** The request never arrives; the caller sees a broken connection, or a time-out. */
  | 'lost'
  /** It takes effect, and the answer never arrives. */
  | 'answerLost'
  /** It takes effect after the caller has given up. */
  | 'late'
  | 'throttled'
  /** A 5xx instead of the effect, and one after it. */
  | 'refused'
  | 'failedAfter';

export const faultKinds = [
  'lost',
  'answerLost',
  'late',
  'throttled',
  'refused',
  'failedAfter',
  'slow',
  'death',
  'zombie',
  'redelivery',
  'staleReads',
  'smallPages',
  'unprocessed',
  'wrongCache',
  'conflict',
  'forgottenToken',
  /** KMS says that the key is disabled. */
  'denied',
  /** The gateway ends a connection by itself. */
  'hangUp',
  /** The device does not read what waits for it. */
  'unread',
  'skew',
  /** The rows of a transaction become visible long after each other. */
  'slowRows',
] as const;
export type FaultKind = (typeof faultKinds)[number];

const fates = ['lost', 'answerLost', 'late', 'throttled', 'refused', 'failedAfter'] as const;

/** No failures: common where they are at all. */
const waysOfWorking = ['staleReads', 'smallPages', 'unprocessed', 'zombie', 'skew', 'slowRows'] as const;

/** How likely each kind is in this run: 0 for those that the run does without. */
export interface Faults {
  happens(kind: FaultKind): boolean;
  fateOf(): Fate;
  /** Whether nothing is ever lost, refused, killed or much delayed. */
  readonly isCalm: () => boolean;
  /** From now on everything works. */
  stop(): void;
}

/**
 * Each run has kinds of its own, so that rare ones meet without being drowned by the common ones. `without` are kinds
 * that a smaller repetition of a failure leaves out.
 */
export function makeFaults(dice: Dice, without: readonly string[] = []): Faults {
  const intensity = dice.pick([0, 0.01, 0.03, 0.08, 0.15]);
  const rates = new Map<FaultKind, number>();
  for (const kind of faultKinds) {
    const rate = dice.chance(0.5) ? intensity * (0.5 + dice.next()) : 0;
    rates.set(kind, without.includes(kind) ? 0 : rate);
  }
  for (const kind of waysOfWorking)
    rates.set(kind, dice.chance(0.5) && !without.includes(kind) ? dice.pick([0.1, 0.4]) : 0);
  const happens = (kind: FaultKind) => {
    const rate = rates.get(kind) ?? 0;
    return rate > 0 && dice.chance(rate);
  };
  const fatesOfRun = fates.filter((kind) => (rates.get(kind) ?? 0) > 0);
  return {
    happens,
    isCalm: () => intensity === 0,
    fateOf: () => fatesOfRun.find((kind) => happens(kind)) ?? 'fine',
    stop: () => rates.clear(),
  };
}
