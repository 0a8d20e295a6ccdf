import { describe, expect, test } from 'vitest';
import { assign, type Row, type RowOf, readerOf } from '#shared/aws/rows.ts';
import { type TableDefinition, type TableId, tables } from '#shared/aws/tables.ts';
import { UnfitRow } from '#shared/runtime/failures.ts';

const secret = new Uint8Array([52, 55, 49, 49]);

/** A sound row of each table, its key first. */
const rows: { readonly [Id in TableId]: RowOf<Id> } = {
  conversations: {
    conversationId: 'c',
    members: ['alice', 'bob'],
    lastSeq: 3,
    lastMessageAt: 1_764_000_000_001,
    keySalt: secret,
  },
  messages: {
    conversationId: 'c',
    seq: 3,
    messageId: 'the id',
    senderId: 'alice',
    senderCount: 2,
    sentAt: 1_764_000_000_001,
    clientMessageId: 'draft',
    ciphertext: secret,
  },
  mailboxes: {
    userId: 'alice',
    conversationId: 'c',
    lastSeq: 3,
    lastMessageAt: 1_764_000_000_001,
    activeHour: 490_000,
    deliveredSeq: 2,
    readSeq: 1,
    recentSends: secret,
    sentCount: 2,
    sentCountAtRead: 1,
  },
  relationships: { ownerId: 'alice', otherId: 'bob', blocked: true },
  connections: {
    userId: 'alice',
    connectionId: 'one',
    address: '192.0.2.1',
    connectedAt: 1_764_000_000_001,
    expiresAt: 1_764_000_000_002,
    ready: true,
    epoch: 'one',
    ttl: 1_764_000_003,
  },
  rateLimits: { key: 'limit of alice', tat: 1_764_000_000_001, lastRefund: 'draft', ttl: 1_764_000_003 },
  dataKeys: { keyId: 'k', createdAt: 1_764_000_000_001, wrappedKey: secret, dataKeyId: 'draft' },
};

const namesOf = (id: TableId) => Object.keys(tables[id].attributes) as never[];
const readerOfAll = (id: TableId) => readerOf(id, namesOf(id));
const keyOf = (id: TableId): Row => {
  const { partitionKey, sortKey }: TableDefinition = tables[id];
  const row: Row = rows[id];
  return {
    [partitionKey.name]: row[partitionKey.name],
    ...(sortKey && { [sortKey.name]: row[sortKey.name] }),
  };
};

function failureOf(id: TableId, row: Row): UnfitRow {
  try {
    readerOfAll(id).one(row);
  } catch (error) {
    if (error instanceof UnfitRow) return error;
    throw error;
  }
  throw new Error('It fits.');
}

function without(row: Row, name: string): Row {
  const { [name]: _, ...rest } = row;
  return rest;
}

const attributes = (Object.keys(tables) as TableId[]).flatMap((id) =>
  Object.entries<TableDefinition['attributes'][string]>(tables[id].attributes).map(
    ([name, attribute]) => [id, name, attribute] as const,
  ),
);

test.each(Object.keys(tables) as TableId[])(
  'a row of %s is read as it is, without what else it has',
  (id) => {
    expect(readerOfAll(id).one({ ...rows[id], written: 'by a later version' })).toStrictEqual(rows[id]);
  },
);

describe.each(attributes)('%s: "%s"', (id, name, { isOptional, fallback, expected }) => {
  const key = without(keyOf(id), name);

  test('of another type is named with its key, without any value', () => {
    for (const value of [null, { secret: 'hunter2' }, ['hunter2'], Number.NaN]) {
      const failure = failureOf(id, { ...rows[id], [name]: value });
      expect(failure).toMatchObject({ name: 'UnfitRow', table: id, attribute: name });
      // Of a key, what fits.
      expect(failure.key).toStrictEqual(key);
      expect(failure.message).toBe(
        `A row of ${id} has no "${name}" that is ${expected}: ${JSON.stringify(key)}.`,
      );
      expect(JSON.stringify(failure)).not.toMatch(/hunter2|draft|17640|52,|"0":52/);
    }
  });

  test(`that is missing is ${isOptional ? 'left out' : fallback === undefined ? 'named' : 'what it begins with'}`, () => {
    const row = without(rows[id], name);
    if (isOptional) expect(readerOfAll(id).one(row)).toStrictEqual(row);
    else if (fallback !== undefined)
      expect(readerOfAll(id).one(row)).toStrictEqual({ ...row, [name]: fallback });
    else expect(failureOf(id, row)).toMatchObject({ table: id, attribute: name, key });
  });
});

test('an empty list of members, or one of three, fits no conversation of two', () => {
  for (const members of [[], ['alice'], ['alice', 'bob', 'carol'], ['alice', 1]])
    expect(failureOf('conversations', { ...rows.conversations, members })).toMatchObject({
      attribute: 'members',
    });
});

test('a seq is a whole number from 0 on', () => {
  for (const seq of [-1, 1.5, '3', 2 ** 53])
    expect(failureOf('messages', { ...rows.messages, seq })).toMatchObject({ attribute: 'seq' });
});

test('a part of a row needs no more than that part, and is asked for by its names', () => {
  const ends = readerOf('mailboxes', ['userId', 'lastSeq']);

  expect(ends.projection).toBe('userId, lastSeq');
  expect(ends.one({ userId: 'alice', lastSeq: 3, lastMessageAt: 'never' })).toStrictEqual({
    userId: 'alice',
    lastSeq: 3,
  });
});

test('of many rows those that do not fit are told of and passed over, or thrown', () => {
  const ends = readerOf('conversations', ['conversationId', 'lastSeq']);
  const given = [
    { conversationId: 'a', lastSeq: 1 },
    { conversationId: 'b' },
    { conversationId: 'c', lastSeq: 3 },
  ];
  const unfit: unknown[] = [];

  const read = ends.all(given, (failure, row) => unfit.push([failure.key, row]));

  expect(read).toStrictEqual([given[0], given[2]]);
  expect(unfit).toStrictEqual([[{ conversationId: 'b' }, given[1]]]);
  expect(() => ends.all(given)).toThrow(UnfitRow);
});

test('what a part does not tell of its key is told from outside', () => {
  const budgets = readerOf('rateLimits', ['tat']);

  expect(() => budgets.one({ tat: 'soon' }, { key: 'limit of alice' })).toThrow(/"tat".*limit of alice/);
});

test('an update sets attributes from values of their names', () => {
  expect(assign<'mailboxes'>({ lastSeq: 3, activeHour: 7 })).toStrictEqual({
    expression: 'SET lastSeq = :lastSeq, activeHour = :activeHour',
    values: { ':lastSeq': 3, ':activeHour': 7 },
  });
});

test('what is written has the attributes of its table, and no other', () => {
  // @ts-expect-error a misspelt attribute
  const misspelt = { ownerId: 'alice', otherId: 'bob', blokced: true } satisfies RowOf<'relationships'>;
  // @ts-expect-error another type
  const illTyped = { ownerId: 'alice', otherId: 'bob', blocked: 'yes' } satisfies RowOf<'relationships'>;
  // @ts-expect-error an attribute of another table
  const elsewhere = assign<'mailboxes'>({ keySalt: secret });

  expect([misspelt, illTyped, elsewhere]).toHaveLength(3);
});
