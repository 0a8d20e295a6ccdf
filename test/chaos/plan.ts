import { makeRandom, type Random } from '#test/contract/history/random.ts';
import {
  type CacheKind,
  cacheKinds,
  type FaultKind,
  type KillKind,
  killKinds,
  type WireKind,
  wireKinds,
} from './kinds.ts';

/** A while in which some calls fail in some ways. */
export interface Weather {
  readonly atMs: number;
  readonly forMs: number;
  /** How often each kind befalls a call, in percent. */
  readonly wire: Readonly<Partial<Record<WireKind, number>>>;
  /** Befalls each portion of bytes from the cache. */
  readonly cache: Readonly<Partial<Record<CacheKind, number>>>;
}

export interface Kill {
  readonly atMs: number;
  readonly kind: KillKind;
  /** How long what was killed stays away. */
  readonly downMs: number;
  /** A number that decides the rest: which function, before or after its call's effect. */
  readonly choice: number;
}

export interface Plan {
  readonly weathers: readonly Weather[];
  readonly kills: readonly Kill[];
}

const rates = [1, 3, 6, 12, 25] as const;
/** How often a kill comes up among the others. What takes longest to recover from comes least. */
const killDeck: Readonly<Record<KillKind, number>> = {
  'kill-worker': 4,
  'kill-database': 2,
  'kill-cache': 1,
  'kill-stack': 1,
};

/** What happens when, from the seed alone. Each chosen kind comes up, if there is the time for it. */
export function makePlan(seed: number, durationMs: number, kinds: readonly FaultKind[]): Plan {
  const random = makeRandom(seed);
  return { weathers: planWeathers(random, durationMs, kinds), kills: planKills(random, durationMs, kinds) };
}

function planWeathers(random: Random, durationMs: number, kinds: readonly FaultKind[]): Weather[] {
  const wire = wireKinds.filter((kind) => kinds.includes(kind));
  const cache = cacheKinds.filter((kind) => kinds.includes(kind));
  const [nextWire, nextCache] = [dealer(random, wire), dealer(random, cache)];
  const weathers: Weather[] = [];
  for (let atMs = 500; atMs < durationMs; ) {
    const forMs = 2_000 + random.below(4_000);
    weathers.push({
      atMs,
      forMs: Math.min(forMs, durationMs - atMs),
      wire: Object.fromEntries(nextWire(3).map((kind) => [kind, random.pick(rates)])),
      cache: Object.fromEntries(nextCache(1).map((kind) => [kind, random.pick(rates)])),
    });
    // Now and then the sun shines, for what only shows then.
    atMs += forMs + (random.chance(30) ? random.below(2_000) : 0);
  }
  return weathers;
}

function planKills(random: Random, durationMs: number, kinds: readonly FaultKind[]): Kill[] {
  const chosen = killKinds.filter((kind) => kinds.includes(kind));
  if (chosen.length === 0) return [];
  // Each once, before any comes again.
  const first = shuffled(random, chosen);
  const next = dealer(
    random,
    chosen.flatMap((kind) => Array<KillKind>(killDeck[kind]).fill(kind)),
  );
  const count = Math.max(chosen.length, Math.floor(durationMs / 4_000));
  const every = durationMs / (count + 1);
  return Array.from({ length: count }, (_, index) => ({
    atMs: Math.round(every * (index + 0.5 + random.below(1_000) / 1_000)),
    kind: first[index] ?? (next(1)[0] as KillKind),
    downMs: random.below(2_000),
    choice: random.below(1_000_000),
  }));
}

/** Deals from a deck that is shuffled again when it is used up. */
function dealer<T>(random: Random, deck: readonly T[]): (count: number) => T[] {
  let left: T[] = [];
  return (count) => {
    if (left.length < Math.min(count, deck.length)) left = [...left, ...shuffled(random, deck)];
    return left.splice(0, count);
  };
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(random.below(rest.length), 1)[0] as T);
}
