import { type TableDefinition, tables } from '#shared/aws/tables.ts';
import type { Item } from './expressions.ts';
import { NotModelled } from './expressions.ts';

/** One place in a table, whether a row is there or not. */
export interface Slot {
  item: Item | undefined;
  /** What an eventually consistent read may still see. */
  before: Item | undefined;
  changedAt: number;
  /** The transaction that is about to write here. */
  lockedBy: string | undefined;
  /** Every state that it has been in, with the moment since when. */
  readonly history: { readonly at: number; readonly item: Item | undefined }[];
}

export interface Rows {
  slot(tableName: string, key: Item): Slot;
  /** The slots of a partition, in no order. */
  partition(tableName: string, partitionKey: unknown): Iterable<Slot>;
  write(slot: Slot, item: Item | undefined): void;
  /** The key attributes of an item, those of the table's index first if it is read by that. */
  keyOf(tableName: string, item: Item, indexName?: string): Item;
  /** Compares the places of two items of one partition, in the table or in its index. */
  compare(tableName: string, one: Item, other: Item, indexName?: string): number;
  all(): Iterable<readonly [tableName: string, item: Item]>;
  /** Tables of their own, each row as it was at a moment, as a restored backup has it; `undefined` for the present. */
  asOf(momentOf: (tableName: string, slot: Slot) => number | undefined): Rows;
}

/** The names of the key attributes of a table: the partition key, then what orders the rows within it. */
interface KeyNames {
  readonly primary: readonly string[];
  readonly index: { readonly name: string; readonly names: readonly string[] } | undefined;
}

const keyNamesByTable = new Map<string, KeyNames>(
  Object.entries(tables as Record<string, TableDefinition>).map(([tableName, definition]) => {
    const { partitionKey, sortKey, index } = definition;
    const sort = sortKey ? [sortKey.name] : [];
    return [
      tableName,
      {
        primary: [partitionKey.name, ...sort],
        index: index && { name: index.name, names: [partitionKey.name, index.sortKey.name, ...sort] },
      },
    ];
  }),
);

/** The tables are named by their ids here. */
export function makeRows(now: () => number): Rows {
  const stored = new Map<string, Map<unknown, Map<unknown, Slot>>>();

  function keyNames(tableName: string, indexName?: string): readonly string[] {
    const names = keyNamesByTable.get(tableName);
    if (!names) throw new NotModelled(`the table ${tableName}`);
    if (indexName === undefined) return names.primary;
    if (names.index?.name !== indexName) throw new NotModelled(`the index ${indexName}`);
    return names.index.names;
  }

  function partitionMap(tableName: string, partitionKey: unknown): Map<unknown, Slot> {
    const table = stored.get(tableName) ?? new Map<unknown, Map<unknown, Slot>>();
    if (table.size === 0) stored.set(tableName, table);
    const partition = table.get(partitionKey) ?? new Map<unknown, Slot>();
    if (partition.size === 0) table.set(partitionKey, partition);
    return partition;
  }

  const rows: Rows = {
    slot(tableName, key) {
      const names = keyNames(tableName);
      if (Object.keys(key).length !== names.length || names.some((name) => key[name] === undefined))
        throw new NotModelled(`the key ${Object.keys(key)} in ${tableName}`);
      const [partitionName = '', sortName] = names;
      const partition = partitionMap(tableName, key[partitionName]);
      const sort = sortName && key[sortName];
      const found = partition.get(sort);
      if (found) return found;
      const changedAt = Number.NEGATIVE_INFINITY;
      const slot: Slot = { item: undefined, before: undefined, changedAt, lockedBy: undefined, history: [] };
      partition.set(sort, slot);
      return slot;
    },
    partition(tableName, partitionKey) {
      return partitionMap(tableName, partitionKey).values();
    },
    write(slot, item) {
      slot.before = slot.item;
      slot.item = item && copy(item);
      slot.changedAt = now();
      slot.history.push({ at: slot.changedAt, item: slot.item });
    },
    keyOf(tableName, item, indexName) {
      const key: Item = {};
      for (const name of keyNames(tableName, indexName)) key[name] = item[name];
      return key;
    },
    compare(tableName, one, other, indexName) {
      const names = keyNames(tableName, indexName);
      for (let index = 1; index < names.length; index += 1) {
        const name = names[index] as string;
        const order = compareKeys(one[name], other[name]);
        if (order !== 0) return order;
      }
      return 0;
    },
    *all() {
      for (const [tableName, partitions] of stored)
        for (const partition of partitions.values())
          for (const { item } of partition.values()) if (item) yield [tableName, item];
    },
    asOf(momentOf) {
      const restored = makeRows(now);
      for (const [tableName, partitions] of stored)
        for (const partition of partitions.values())
          for (const slot of partition.values()) {
            const moment = momentOf(tableName, slot) ?? Number.POSITIVE_INFINITY;
            const item = slot.history.findLast(({ at }) => at <= moment)?.item;
            if (item) restored.write(restored.slot(tableName, rows.keyOf(tableName, item)), item);
          }
      return restored;
    },
  };
  return rows;
}

function compareKeys(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)));
}

/** A row of its own, as one over the wire would be: nobody's later change reaches it. */
export function copy(item: Item): Item {
  const copied: Item = {};
  for (const name in item) {
    const value = item[name];
    if (value === undefined) throw new NotModelled(`${name} is undefined`);
    if (value instanceof Uint8Array) copied[name] = new Uint8Array(value);
    else copied[name] = Array.isArray(value) ? [...value] : value;
  }
  return copied;
}
