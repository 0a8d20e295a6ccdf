import type { QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Dice } from '../dice.ts';
import { condition, type Item, projection } from './expressions.ts';
import type { Rows, Slot } from './rows.ts';

/**
 * One page of one partition, by the table's own order or by its index of keys. `breaksOff` ends the page early, as one of
 * 1 MB would be. `see` says what the reader sees of a slot.
 */
export function query(
  input: QueryCommandInput,
  rows: Rows,
  see: (slot: Slot) => Item | undefined,
  dice: Dice,
  breaksOff: boolean,
): { Items: Item[]; LastEvaluatedKey?: Item } {
  const { TableName = '', KeyConditionExpression = '', IndexName, ExclusiveStartKey: start } = input;
  const scope = { names: undefined, values: input.ExpressionAttributeValues };
  const matches = condition(KeyConditionExpression);
  // What is refused is refused where there are no rows as well.
  matches({ ...scope, item: {} });
  // The partition is the first value that the key condition names.
  const partition = input.ExpressionAttributeValues?.[/:\w+/.exec(KeyConditionExpression)?.[0] ?? ''];
  const direction = input.ScanIndexForward === false ? -1 : 1;
  const order = (one: Item, other: Item) => direction * rows.compare(TableName, one, other, IndexName);

  const rest: Item[] = [];
  for (const slot of rows.partition(TableName, partition)) {
    const item = see(slot);
    if (!item || !matches({ ...scope, item })) continue;
    if (IndexName !== undefined && !isIndexed(rows.keyOf(TableName, item, IndexName))) continue;
    if (start === undefined || order(item, start) > 0) rest.push(item);
  }
  rest.sort(order);
  const page = rest.slice(0, breaksOff ? dice.between(1, 3) : input.Limit);
  const last = page.at(-1);
  // DynamoDB stops at its limit before it knows whether anything follows.
  const hasMore = page.length < rest.length || page.length === input.Limit;
  return {
    Items: page.map(shown),
    ...(last && hasMore && { LastEvaluatedKey: rows.keyOf(TableName, last, IndexName) }),
  };

  function shown(item: Item): Item {
    if (IndexName !== undefined) return rows.keyOf(TableName, item, IndexName);
    if (input.ProjectionExpression === undefined) return item;
    const names = projection(input.ProjectionExpression)({ ...scope, item });
    return Object.fromEntries(
      names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])),
    );
  }
}

/** A row without the index's sort key is not in it. */
function isIndexed(key: Item): boolean {
  return Object.values(key).every((value) => value !== undefined);
}
