/** One attribute of a table's rows: what its value has to be, and what a row that lacks it has instead. */
export interface Attribute<T, IsOptional extends boolean = boolean> {
  /** As in "should be a whole number". */
  readonly expected: string;
  readonly fits: (value: unknown) => value is T;
  /** Whether a row may be without it. */
  readonly isOptional: IsOptional;
  /** What a row without it has. */
  readonly fallback?: T;
}

function attribute<T>(
  expected: string,
  fits: (value: unknown) => value is T,
  fallback: T | undefined,
): Attribute<T, false> {
  return { expected, fits, isOptional: false, ...(fallback !== undefined && { fallback }) };
}

export function text(fallback?: string) {
  return attribute('a text', (value): value is string => typeof value === 'string', fallback);
}

export function number(fallback?: number) {
  return attribute('a number', (value): value is number => Number.isFinite(value), fallback);
}

/** A seq, or how many there are of something. */
export function count(fallback?: number) {
  const fits = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  return attribute('a whole number from 0 on', fits, fallback);
}

export function flag(fallback?: boolean) {
  return attribute('true or false', (value): value is boolean => typeof value === 'boolean', fallback);
}

export function bytes(fallback?: Uint8Array) {
  return attribute('bytes', (value): value is Uint8Array => value instanceof Uint8Array, fallback);
}

export function pairOfTexts(fallback?: readonly [string, string]) {
  const fits = (value: unknown): value is readonly [string, string] =>
    Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'string');
  return attribute('a list of two texts', fits, fallback);
}

/** A row may be without it, and has nothing instead. */
export function optional<T>(one: Attribute<T>): Attribute<T, true> {
  return { ...one, isOptional: true };
}
