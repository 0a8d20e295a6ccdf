import { abbreviate, badRequest, type FieldCheck } from './fields.ts';

type Fields = Readonly<Record<string, unknown>>;
type Checks = Readonly<Record<string, FieldCheck<unknown>>>;
type Values<R extends Checks, O extends Checks> = {
  readonly [K in keyof R]: ReturnType<R[K]>;
} & { readonly [K in keyof O]?: ReturnType<O[K]> };

/** What a client may write into the frames of one action. */
export interface Shape<T> {
  /** The request that these fields of a frame make. Throws a `ProtocolError` that names the first field that is wrong. */
  read(given: Fields): T;
}

interface Definition<R extends Checks, O extends Checks> {
  readonly required?: R;
  readonly optional?: O;
  /** What no field can say alone; throws. */
  readonly together?: (fields: Fields) => void;
}

/** Unknown fields are refused by name, so that a typo is found rather than swallowed. */
export function shape<
  const A extends string,
  R extends Checks = Readonly<Record<never, never>>,
  O extends Checks = Readonly<Record<never, never>>,
>(action: A, definition?: Definition<R, O>): Shape<{ readonly action: A } & Values<R, O>>;
export function shape(
  action: string,
  { required = {}, optional = {}, together }: Definition<Checks, Checks> = {},
): Shape<Fields> {
  const checks: Checks = { ...required, ...optional };
  const remedy = `The fields of "${action}" are: ${['requestId', ...Object.keys(checks)].join(', ')}.`;
  return {
    read(given) {
      for (const name of Object.keys(given))
        if (!Object.hasOwn(checks, name))
          throw badRequest(`"${abbreviate(name)}" is not a field of "${action}".`, remedy);
      for (const name of Object.keys(required))
        if (given[name] === undefined) throw badRequest(`"${name}" is missing.`, remedy);
      const fields: Record<string, unknown> = {};
      for (const [name, value] of Object.entries(given)) fields[name] = checks[name]?.(value, name);
      together?.(fields);
      return { action, ...fields };
    },
  };
}
