import type { Dice } from '../simulation/dice.ts';

/** Larger than a frame may be, so that the limit itself is tried. */
export const longestInput = 40_000;

const numbers = ['0', '-0', '-1', '1e400', '9007199254740991', '9007199254740993', '0.5', '1e-7', '65536'];
const oddText = ['\u0000', '\ud83d\ude00', '\\ud800', '\u202e', '\ufeff', 'é', 'e\u0301', '"', '\\', '\n'];

type Mutation = (input: Uint8Array, dice: Dice, words: readonly string[]) => Uint8Array;

const encoder = new TextEncoder();

function splice(input: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  return Buffer.concat([input.subarray(0, from), middle, input.subarray(to)]);
}

/** A stretch of the input, mostly short. */
function stretch(input: Uint8Array, dice: Dice): [from: number, to: number] {
  const from = dice.between(0, input.length);
  const most = dice.chance(0.8) ? 8 : input.length;
  return [from, Math.min(input.length, from + dice.between(0, most))];
}

const mutations: readonly Mutation[] = [
  // A bit, a byte.
  (input, dice) => {
    const changed = Uint8Array.from(input);
    const at = dice.between(0, Math.max(0, input.length - 1));
    changed[at] = dice.chance(0.5) ? (changed[at] ?? 0) ^ (1 << dice.between(0, 7)) : dice.between(0, 255);
    return changed;
  },
  (input, dice) => splice(input, ...stretch(input, dice), new Uint8Array()),
  (input, dice) => splice(input, ...stretch(input, dice), dice.bytes(dice.between(1, 8))),
  (input, dice, words) => splice(input, ...stretch(input, dice), encoder.encode(dice.pick(words))),
  (input, dice, words) => {
    const at = dice.between(0, input.length);
    return splice(input, at, at, encoder.encode(dice.pick(words)));
  },
  (input, dice) => splice(input, ...stretch(input, dice), encoder.encode(dice.pick(numbers))),
  (input, dice) => splice(input, ...stretch(input, dice), encoder.encode(dice.pick(oddText))),
  // A stretch once more, or very many times.
  (input, dice) => {
    const [from, to] = stretch(input, dice);
    const times = dice.chance(0.9) ? 1 : dice.between(2, 2_000);
    const copies = Math.min(times, Math.floor(longestInput / Math.max(1, to - from)));
    return splice(input, to, to, Buffer.concat(Array(copies).fill(input.subarray(from, to))));
  },
];

/** A changed copy of `input`, sometimes crossed with `other`. */
export function mutate(
  input: Uint8Array,
  other: Uint8Array,
  dice: Dice,
  words: readonly string[],
): Uint8Array {
  let changed = input;
  if (dice.chance(0.1)) {
    const [from, to] = stretch(other, dice);
    changed = splice(changed, ...stretch(changed, dice), other.subarray(from, to));
  }
  for (let count = dice.between(1, 4); count > 0; count -= 1)
    changed = dice.pick(mutations)(changed, dice, words);
  return changed.subarray(0, longestInput);
}
