import { checkDrains } from './check-drains.ts';
import { checkEnds } from './check-ends.ts';
import { checkSeen } from './check-seen.ts';
import { checkSends } from './check-sends.ts';
import type { Event } from './record.ts';

export type Rule = 'loss' | 'duplicate' | 'gap' | 'order' | 'privacy' | 'phantom' | 'refused';

/** Everything that is checked, with the promise that is broken where it does not hold. */
export const ruleOf = {
  'one message at a place': 'order',
  'one place for a message': 'duplicate',
  'seen by its members alone': 'privacy',
  'clientMessageId shown to its sender alone': 'privacy',
  'seen only what was sent': 'phantom',
  'what was seen stays': 'loss',
  'one message for a send': 'duplicate',
  'new once': 'duplicate',
  'confirmed as it was sent': 'phantom',
  'nothing right is refused': 'refused',
  'confirmed first, placed first': 'order',
  'one conversation for a pair': 'order',
  'seq 1, 2, 3 …': 'gap',
  'a send is there once': 'duplicate',
  'what was confirmed stays': 'loss',
  'held once': 'duplicate',
  'held in order': 'order',
  'held by every device': 'loss',
  'drained once': 'duplicate',
  'drained in order': 'order',
  'drained without a gap': 'gap',
  'drained above the position': 'duplicate',
  'drained to the end': 'loss',
} as const satisfies Record<string, Rule>;

export type Check = keyof typeof ruleOf;

export interface Violation {
  readonly rule: Rule;
  readonly check: Check;
  readonly detail: string;
}

export type Report = (check: Check, detail: string) => void;

/**
 * Judges what the clients of a run have recorded against the promises of the contract. Pure; empty when all hold. Takes
 * time and memory in proportion to what was recorded.
 */
export function check(events: readonly Event[]): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (name, detail) => void violations.push({ rule: ruleOf[name], check: name, detail });
  checkSeen(events, report);
  checkSends(events, report);
  checkEnds(events, report);
  checkDrains(events, report);
  return violations;
}
