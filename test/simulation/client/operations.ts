import type { Dice } from '../dice.ts';

interface Step {
  readonly device: number;
  /** Milliseconds that the device waits before it. */
  readonly gap: number;
  /** Whether the device goes on without waiting for its end. */
  readonly inBackground: boolean;
}

/** What a device is told to do. */
export type Operation = Step &
  (
    | {
        readonly kind: 'send';
        readonly name: string;
        readonly to: string;
        readonly size: number;
        readonly withId: boolean;
        /** The connection is lost right after the frame. */
        readonly cut: boolean;
      }
    | { readonly kind: 'repeat' | 'drop' | 'fillGaps' | 'list' | 'browse' | 'trespass' }
    | { readonly kind: 'comeBack'; readonly keepsOld: boolean; readonly only: boolean }
    | { readonly kind: 'ack'; readonly read: boolean; readonly older: boolean }
    | { readonly kind: 'block' | 'unblock'; readonly other: string }
  );

export interface Plan {
  /** Whose device each is. */
  readonly users: readonly string[];
  readonly devices: readonly { readonly user: string; readonly namesPositions: boolean }[];
  readonly operations: readonly Operation[];
}

/** Kinds with their weights. */
const kinds = [
  ['send', 50],
  ['repeat', 8],
  ['drop', 6],
  ['comeBack', 10],
  ['ack', 12],
  ['fillGaps', 5],
  ['list', 3],
  ['browse', 2],
  ['trespass', 2],
  ['block', 2],
  ['unblock', 2],
] as const;

function pickKind(dice: Dice, relationships: boolean): (typeof kinds)[number][0] {
  const usable = kinds.filter(([kind]) => relationships || (kind !== 'block' && kind !== 'unblock'));
  let left = dice.next() * usable.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of usable) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'send';
}

/**
 * How many operations a run has. Runs of each size find about as much per second of CPU, but not the same (measured with
 * the mutations): contention wants many, a fault in a rare place wants many runs.
 */
const sizes = [
  [3, 9],
  [3, 9],
  [8, 24],
  [12, 50],
] as const;

/** Some users with one to three devices each, and what they do; a hot run leaves them no time to breathe. */
export function planWorkload(dice: Dice): Plan {
  const users = Array.from({ length: dice.pick([2, 2, 2, 3]) }, (_, index) => `user${index}`);
  const devices = users.flatMap((user) => {
    const count = dice.pick([1, 1, 2, 3]);
    return Array.from({ length: count }, () => ({ user, namesPositions: count > 1 || dice.chance(0.3) }));
  });
  const longestGap = dice.pick([5, 60, 800, 4_000]);
  const relationships = dice.chance(0.3);
  const bulky = dice.chance(0.1) ? 0.6 : 0.03;
  const alwaysIds = dice.chance(0.7);
  const [least, most] = dice.pick(sizes);
  const operations = Array.from({ length: dice.between(least, most) }, (_, index): Operation => {
    const device = dice.between(0, devices.length - 1);
    const others = users.filter((user) => user !== devices[device]?.user);
    const step = { device, gap: dice.between(0, longestGap), inBackground: dice.chance(0.25) };
    const kind = pickKind(dice, relationships);
    switch (kind) {
      case 'send':
        return {
          ...step,
          kind,
          name: `send-${index}`,
          to: dice.pick(others),
          size: dice.chance(bulky) ? dice.between(5_000, 16_000) : 0,
          withId: alwaysIds || dice.chance(0.6),
          cut: dice.chance(0.15),
        };
      case 'comeBack':
        return { ...step, kind, keepsOld: dice.chance(0.3), only: dice.chance(0.3) };
      case 'ack':
        return { ...step, kind, read: dice.chance(0.4), older: dice.chance(0.25) };
      case 'block':
      case 'unblock':
        return { ...step, kind, other: dice.pick(others) };
      default:
        return { ...step, kind };
    }
  });
  return { users, devices, operations };
}
