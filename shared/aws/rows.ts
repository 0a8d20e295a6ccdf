import { UnfitRow } from '#shared/runtime/failures.ts';
import type { Attribute } from './attributes.ts';
import { type TableDefinition, type TableId, tables } from './tables.ts';

/** A row as the document client hands it out: whatever stands in the table. */
export type Row = Record<string, unknown>;

type AttributesOf<Id extends TableId> = (typeof tables)[Id]['attributes'];
type NameOf<Id extends TableId> = keyof AttributesOf<Id> & string;
type ValueOf<A> = A extends Attribute<infer T> ? T : never;
type OptionalName<A> = { [N in keyof A]: A[N] extends Attribute<unknown, true> ? N : never }[keyof A];

/** A row of a table, or as much of it as `Name` says. */
export type RowOf<Id extends TableId, Name extends NameOf<Id> = NameOf<Id>> = {
  readonly [N in Exclude<Name, OptionalName<AttributesOf<Id>>>]: ValueOf<AttributesOf<Id>[N]>;
} & {
  readonly [N in Extract<Name, OptionalName<AttributesOf<Id>>>]?: ValueOf<AttributesOf<Id>[N]>;
};

type KeyName<D> = D extends { partitionKey: { name: infer P }; sortKey: { name: infer S } }
  ? P | S
  : D extends { partitionKey: { name: infer P } }
    ? P
    : never;

/** The key of a row. */
export type KeyOf<Id extends TableId> = RowOf<Id, KeyName<(typeof tables)[Id]> & NameOf<Id>>;

/** Reads rows, or the same part of each. A row that does not fit is an `UnfitRow`. */
export interface RowReader<R> {
  /** For a read that wants no more than this. None of the names may be a reserved word of DynamoDB. */
  readonly projection: string;
  /** Throws `UnfitRow`. `key` tells which row it is, where the row itself does not. */
  one(row: Row, key?: Row): R;
  /** Those that fit, and `onUnfit` is told of the others; without it the first of them is thrown. */
  all(rows: readonly Row[], onUnfit?: (failure: UnfitRow, row: Row) => void): R[];
}

/**
 * Makes a reader of these attributes of a table; once, because it is asked for every row. Call it `@__PURE__`:
 * then a bundle leaves out what its function does not read.
 */
export function readerOf<Id extends TableId, Name extends NameOf<Id>>(
  id: Id,
  names: readonly Name[],
): RowReader<RowOf<Id, Name>> {
  const { attributes }: TableDefinition = tables[id];
  const wanted = Object.entries(attributes).filter(([name]) => names.some((one) => one === name));

  function one(row: Row, key: Row = row): RowOf<Id, Name> {
    const read: Row = {};
    for (const [name, { fits, expected, isOptional, fallback }] of wanted) {
      const value = row[name];
      if (value === undefined) {
        if (isOptional) continue;
        if (fallback === undefined) throw new UnfitRow(id, keyIn(id, key), name, expected);
        read[name] = fallback;
      } else if (fits(value)) read[name] = value;
      else throw new UnfitRow(id, keyIn(id, key), name, expected);
    }
    // Every attribute of it has just been looked at.
    return read as RowOf<Id, Name>;
  }

  return {
    projection: names.join(', '),
    one,
    all(rows, onUnfit) {
      const fitting: RowOf<Id, Name>[] = [];
      for (const row of rows) {
        try {
          fitting.push(one(row));
        } catch (error) {
          if (!onUnfit || !(error instanceof UnfitRow)) throw error;
          onUnfit(error, row);
        }
      }
      return fitting;
    },
  };
}

/** What `row` has of its key, as far as that is what it should be. */
function keyIn(id: TableId, row: Row): Row {
  const { attributes, partitionKey, sortKey }: TableDefinition = tables[id];
  const names = [partitionKey, sortKey].flatMap((key) => key?.name ?? []);
  return Object.fromEntries(
    names.filter((name) => attributes[name]?.fits(row[name])).map((name) => [name, row[name]]),
  );
}

/** The part of an update that sets these attributes, each from a value of its name. */
export function assign<Id extends TableId>(
  attributes: Partial<RowOf<Id>>,
): {
  readonly expression: string;
  readonly values: Row;
} {
  const entries = Object.entries<unknown>(attributes);
  return {
    expression: `SET ${entries.map(([name]) => `${name} = :${name}`).join(', ')}`,
    values: Object.fromEntries(entries.map(([name, value]) => [`:${name}`, value])),
  };
}
