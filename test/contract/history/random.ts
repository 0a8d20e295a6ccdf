/** Random decisions that a seed repeats. */
export interface Random {
  /** An integer from 0 to `below` - 1. */
  below(below: number): number;
  /** True in `percent` of the cases. */
  chance(percent: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: small, and good enough to choose the steps of a workload. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (percent) => next() * 100 < percent,
    pick: (from) => {
      const picked = from[below(from.length)];
      if (picked === undefined) {
        throw new Error('nothing to pick from');
      }
      return picked;
    },
  };
}
