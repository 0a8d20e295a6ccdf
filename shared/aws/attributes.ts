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

const kindOf =
  <T>(expected: string, fits: (value: unknown) => value is T) =>
  (fallback?: T): Attribute<T, false> => ({
    expected,
    fits,
    isOptional: false,
    ...(fallback !== undefined && { fallback }),
  });

export const text = kindOf('a text', (value): value is string => typeof value === 'string');
export const number = kindOf('a number', (value): value is number => Number.isFinite(value));
/** A seq, or how many there are of something. */
export const count = kindOf(
  'a whole number from 0 on',
  (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
);
export const flag = kindOf('true or false', (value): value is boolean => typeof value === 'boolean');
export const bytes = kindOf('bytes', (value): value is Uint8Array => value instanceof Uint8Array);
export const pairOfTexts = kindOf(
  'a list of two texts',
  (value): value is readonly [string, string] =>
    Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'string'),
);

/** A row may be without it, and has nothing instead. */
export function optional<T>(attribute: Attribute<T>): Attribute<T, true> {
  return { ...attribute, isOptional: true };
}
