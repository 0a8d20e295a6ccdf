/** One boundary of the product, as the fuzzer and the replay of its corpus use it. */
export interface FuzzTarget {
  /** Inputs to begin with: right ones, so that the way beyond the first check need not be guessed. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** What a mutation may put in: the words that the parser knows. */
  readonly words: readonly string[];
  /** The files whose coverage counts, as ends of their paths. */
  readonly files: readonly string[];
  /** Tries one input. Throws if the boundary did what it must never do, whatever the input is. */
  run(input: Uint8Array): void | Promise<void>;
}

/** Throws unless `condition`, which must hold whatever the input is. */
export function hold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** An input as the text that a boundary would be given. */
export function textOf(input: Uint8Array): string {
  return new TextDecoder().decode(input);
}
