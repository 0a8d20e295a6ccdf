import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { UpdateCommand, UpdateCommandOutput } from '@aws-sdk/lib-dynamodb';

type Value = string | number;
type Row = Record<string, Value>;

/**
 * A table in memory that carries out an UpdateItem in one step, as DynamoDB does for one row. It evaluates the very
 * expressions that it is given: conditions of comparisons, attribute_exists, attribute_not_exists, AND, OR and brackets,
 * and SET with sums and differences. Anything else throws.
 */
export function makeFakeRateLimitTable() {
  const rows = new Map<string, Row>();

  function update({ input }: UpdateCommand): UpdateCommandOutput {
    const key = String(input.Key?.key);
    const row = rows.get(key);
    const scope: Scope = {
      row: row ?? {},
      names: input.ExpressionAttributeNames ?? {},
      values: input.ExpressionAttributeValues ?? {},
    };
    if (!isTrue(input.ConditionExpression ?? '', scope)) throw conditionFailed(row);
    const changed = assignments(input.UpdateExpression ?? '', scope);
    rows.set(key, { ...scope.row, ...changed });
    return { Attributes: changed, $metadata: {} };
  }

  return { rows, update };
}

interface Scope {
  readonly row: Row;
  readonly names: Record<string, string>;
  readonly values: Record<string, Value>;
}

function conditionFailed(row: Row | undefined): ConditionalCheckFailedException {
  const failure = { message: 'The conditional request failed', $metadata: {} };
  const item = row && Object.entries(row).map(([name, value]) => [name, attributeValue(value)]);
  return new ConditionalCheckFailedException({ ...failure, ...(item && { Item: Object.fromEntries(item) }) });
}

function attributeValue(value: Value) {
  return typeof value === 'number' ? { N: String(value) } : { S: value };
}

function tokensOf(expression: string): string[] {
  return expression.match(/attribute_\w+|[#:]\w+|<=|>=|<>|[A-Z]+|\S/g) ?? [];
}

function isTrue(expression: string, scope: Scope): boolean {
  const tokens = tokensOf(expression);
  const result = disjunction(tokens, scope);
  if (tokens.length > 0) throw new Error(`Not understood: ${tokens.join(' ')}`);
  return result;
}

function disjunction(tokens: string[], scope: Scope): boolean {
  let result = conjunction(tokens, scope);
  while (tokens[0] === 'OR') {
    tokens.shift();
    const next = conjunction(tokens, scope);
    result = result || next;
  }
  return result;
}

function conjunction(tokens: string[], scope: Scope): boolean {
  let result = term(tokens, scope);
  while (tokens[0] === 'AND') {
    tokens.shift();
    const next = term(tokens, scope);
    result = result && next;
  }
  return result;
}

function term(tokens: string[], scope: Scope): boolean {
  const first = tokens.shift() ?? '';
  if (first === '(') {
    const result = disjunction(tokens, scope);
    expectToken(tokens, ')');
    return result;
  }
  if (first.startsWith('attribute_')) {
    expectToken(tokens, '(');
    const exists = operand(tokens.shift() ?? '', scope) !== undefined;
    expectToken(tokens, ')');
    return first === 'attribute_exists' ? exists : !exists;
  }
  const operator = tokens.shift() ?? '';
  return compare(operator, operand(first, scope), operand(tokens.shift() ?? '', scope));
}

function compare(operator: string, left: Value | undefined, right: Value | undefined): boolean {
  if (operator === '<>') return left !== right;
  if (left === undefined || right === undefined || typeof left !== typeof right) return false;
  if (operator === '<=') return left <= right;
  if (operator === '>') return left > right;
  throw new Error(`Not understood: ${operator}`);
}

function assignments(expression: string, scope: Scope): Row {
  const tokens = tokensOf(expression);
  expectToken(tokens, 'SET');
  const changed: Row = {};
  do {
    const name = scope.names[tokens.shift() ?? ''];
    expectToken(tokens, '=');
    let value = operand(tokens.shift() ?? '', scope);
    while (tokens[0] === '+' || tokens[0] === '-') {
      const sign = tokens.shift() === '+' ? 1 : -1;
      value = Number(value) + sign * Number(operand(tokens.shift() ?? '', scope));
    }
    if (name === undefined || value === undefined) throw new Error(`Not understood: ${expression}`);
    changed[name] = value;
  } while (tokens.shift() === ',');
  return changed;
}

function operand(token: string, scope: Scope): Value | undefined {
  if (token.startsWith(':') && token in scope.values) return scope.values[token];
  const name = scope.names[token];
  if (name === undefined) throw new Error(`Not understood: ${token}`);
  return scope.row[name];
}

function expectToken(tokens: string[], expected: string): void {
  const token = tokens.shift();
  if (token !== expected) throw new Error(`Expected ${expected}, got ${token}`);
}
