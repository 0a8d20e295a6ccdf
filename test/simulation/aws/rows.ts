import { type TableDefinition, tables } from '#shared/adapters/dynamodb/tables.ts';
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
}

export interface Rows {
  slot(tableName: string, key: Item): Slot;
  /** The slots of a partition, in no order. */
  partition(tableName: string, partitionKey: unknown): Slot[];
  write(slot: Slot, item: Item | undefined): void;
  /** The key attributes of an item, those of the table's index first if it is read by that. */
  keyOf(tableName: string, item: Item, indexName?: string): Item;
  /** Compares the places of two items of one partition, in the table or in its index. */
  compare(tableName: string, one: Item, other: Item, indexName?: string): number;
  all(): Iterable<readonly [tableName: string, item: Item]>;
}

/** The tables are named by their ids here. */
export function makeRows(now: () => number): Rows {
  const stored = new Map<string, Map<unknown, Map<unknown, Slot>>>();

  function definition(tableName: string): TableDefinition {
    const found = (tables as Record<string, TableDefinition>)[tableName];
    if (!found) throw new NotModelled(`the table ${tableName}`);
    return found;
  }

  /** The partition key, then what orders the rows within it. */
  function keyNames(tableName: string, indexName?: string): string[] {
    const { partitionKey, sortKey, index } = definition(tableName);
    if (indexName !== undefined && index?.name !== indexName) throw new NotModelled(`the index ${indexName}`);
    const ofIndex = indexName === undefined ? [] : [index?.sortKey.name ?? ''];
    return [partitionKey.name, ...ofIndex, ...(sortKey ? [sortKey.name] : [])];
  }

  function partitionMap(tableName: string, partitionKey: unknown): Map<unknown, Slot> {
    const table = stored.get(tableName) ?? new Map<unknown, Map<unknown, Slot>>();
    stored.set(tableName, table);
    const partition = table.get(partitionKey) ?? new Map<unknown, Slot>();
    table.set(partitionKey, partition);
    return partition;
  }

  return {
    slot(tableName, key) {
      const { partitionKey, sortKey } = definition(tableName);
      if (Object.keys(key).sort().join() !== keyNames(tableName).sort().join())
        throw new NotModelled(`the key ${Object.keys(key)} in ${tableName}`);
      const partition = partitionMap(tableName, key[partitionKey.name]);
      const sort = sortKey && key[sortKey.name];
      const slot = partition.get(sort) ?? {
        item: undefined,
        before: undefined,
        changedAt: Number.NEGATIVE_INFINITY,
        lockedBy: undefined,
      };
      partition.set(sort, slot);
      return slot;
    },
    partition(tableName, partitionKey) {
      return [...partitionMap(tableName, partitionKey).values()];
    },
    write(slot, item) {
      slot.before = slot.item;
      slot.item = item && copy(item);
      slot.changedAt = now();
    },
    keyOf(tableName, item, indexName) {
      return Object.fromEntries(keyNames(tableName, indexName).map((name) => [name, item[name]]));
    },
    compare(tableName, one, other, indexName) {
      const [, ...sortNames] = keyNames(tableName, indexName);
      return sortNames.reduce((order, name) => order || compareKeys(one[name], other[name]), 0);
    },
    *all() {
      for (const [tableName, partitions] of stored)
        for (const partition of partitions.values())
          for (const { item } of partition.values()) if (item) yield [tableName, item];
    },
  };
}

function compareKeys(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)));
}

/** A row of its own, as one over the wire would be: nobody's later change reaches it. */
export function copy(item: Item): Item {
  const copied: Item = {};
  for (const [name, value] of Object.entries(item)) {
    if (value === undefined) throw new NotModelled(`${name} is undefined`);
    if (value instanceof Uint8Array) copied[name] = new Uint8Array(value);
    else copied[name] = Array.isArray(value) ? [...value] : value;
  }
  return copied;
}
