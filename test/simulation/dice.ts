/** Decisions that a seed repeats, in the order in which they are asked for. */
export interface Dice {
  /** Uniform in [0, 1). */
  next(): number;
  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T;
  bytes(length: number): Uint8Array;
  /** Dice of their own, so that what they are asked does not shift what these answer. */
  fork(): Dice;
}

/** sfc32: small, fast, and good enough to choose interleavings. */
export function makeDice(seed: number): Dice {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed >>> 0;
  let counter = 1;
  const draw = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let round = 0; round < 15; round += 1) draw();

  const next = () => draw() / 4_294_967_296;
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (from) => {
      const picked = from[between(0, from.length - 1)];
      if (picked === undefined) throw new RangeError('There is nothing to pick from.');
      return picked;
    },
    bytes: (length) => Uint8Array.from({ length }, () => draw() & 0xff),
    fork: () => makeDice(draw()),
  };
}
