/** A row as the document client hands it over. */
export type Item = Record<string, unknown>;

/** What an expression is evaluated in. */
export interface Scope {
  readonly item: Item;
  readonly names: Readonly<Record<string, string>> | undefined;
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

type Evaluate<T> = (scope: Scope) => T;

/** What the tables are never asked today: an expression that says something new must be modelled first. */
export class NotModelled extends Error {
  override readonly name = 'NotModelled';
}

const tokenShape = /\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*)/y;

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  tokenShape.lastIndex = 0;
  while (tokenShape.lastIndex < expression.trimEnd().length) {
    const at = tokenShape.lastIndex;
    const token = tokenShape.exec(expression)?.[1];
    if (token === undefined) throw new NotModelled(`${expression} at ${at}`);
    tokens.push(token);
  }
  return tokens;
}

/** Reads tokens one after the other. */
function makeReader(expression: string) {
  const tokens = tokensOf(expression);
  let at = 0;
  const peek = () => tokens[at];
  const take = () => {
    const token = tokens[at];
    if (token === undefined) throw new NotModelled(`${expression} ends too early`);
    at += 1;
    return token;
  };
  const takeIf = (wanted: string): boolean => {
    if (peek() !== wanted) return false;
    at += 1;
    return true;
  };
  const expect = (wanted: string) => {
    if (take() !== wanted) throw new NotModelled(`${expression}: "${wanted}" expected`);
  };
  const end = () => {
    if (at < tokens.length) throw new NotModelled(`${expression}: "${peek()}" is too much`);
  };
  return { peek, take, takeIf, expect, end };
}

type Reader = ReturnType<typeof makeReader>;

function operand(reader: Reader): Evaluate<unknown> {
  const token = reader.take();
  if (token.startsWith(':'))
    return ({ values }) => {
      if (values?.[token] === undefined) throw new NotModelled(`${token} has no value`);
      return values[token];
    };
  const name = attribute(token);
  return (scope) => scope.item[name(scope)];
}

function attribute(token: string): Evaluate<string> {
  if (!/^#?[A-Za-z_]/.test(token)) throw new NotModelled(`"${token}" is no attribute`);
  if (!token.startsWith('#')) return () => token;
  return ({ names }) => {
    const name = names?.[token];
    if (name === undefined) throw new NotModelled(`${token} has no name`);
    return name;
  };
}

function order(one: unknown, other: unknown): number | undefined {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === 'string' && typeof other === 'string')
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other);
  if (typeof one === 'boolean' && typeof other === 'boolean') return Number(one) - Number(other);
  return undefined;
}

/** Against an attribute that is missing or of another type, only `<>` holds. */
const comparisons: Readonly<Record<string, (order: number | undefined) => boolean>> = {
  '=': (by) => by === 0,
  '<>': (by) => by !== 0,
  '<': (by) => by !== undefined && by < 0,
  '<=': (by) => by !== undefined && by <= 0,
  '>': (by) => by !== undefined && by > 0,
  '>=': (by) => by !== undefined && by >= 0,
};

function comparison(reader: Reader): Evaluate<boolean> {
  if (reader.takeIf('(')) {
    const inner = disjunction(reader);
    reader.expect(')');
    return inner;
  }
  const word = reader.peek();
  if (word === 'attribute_exists' || word === 'attribute_not_exists') {
    reader.take();
    reader.expect('(');
    const name = attribute(reader.take());
    reader.expect(')');
    return (scope) => (scope.item[name(scope)] !== undefined) === (word === 'attribute_exists');
  }
  const left = operand(reader);
  const operator = reader.take();
  if (operator === 'BETWEEN') {
    const least = operand(reader);
    reader.expect('AND');
    const most = operand(reader);
    return (scope) => {
      // DynamoDB refuses the whole request for it, wherever it stands.
      if ((order(least(scope), most(scope)) ?? 0) > 0)
        throw new NotModelled('BETWEEN with its bounds reversed');
      const [fromLeast, toMost] = [order(left(scope), least(scope)), order(left(scope), most(scope))];
      return fromLeast !== undefined && fromLeast >= 0 && toMost !== undefined && toMost <= 0;
    };
  }
  const compare = comparisons[operator];
  if (!compare) throw new NotModelled(`the operator ${operator}`);
  const right = operand(reader);
  return (scope) => compare(order(left(scope), right(scope)));
}

function conjunction(reader: Reader): Evaluate<boolean> {
  const parts = [comparison(reader)];
  while (reader.takeIf('AND')) parts.push(comparison(reader));
  return (scope) => parts.map((part) => part(scope)).every(Boolean);
}

function disjunction(reader: Reader): Evaluate<boolean> {
  const parts = [conjunction(reader)];
  while (reader.takeIf('OR')) parts.push(conjunction(reader));
  return (scope) => parts.map((part) => part(scope)).some(Boolean);
}

function sum(reader: Reader): Evaluate<unknown> {
  const first = operand(reader);
  const sign = reader.takeIf('+') ? 1 : reader.takeIf('-') ? -1 : 0;
  if (sign === 0) return first;
  const second = operand(reader);
  return (scope) => {
    const [one, other] = [first(scope), second(scope)];
    if (typeof one !== 'number' || typeof other !== 'number')
      throw new NotModelled('a sum of what is no number');
    return one + sign * other;
  };
}

function assignments(reader: Reader): Evaluate<Item> {
  reader.expect('SET');
  const parts: { name: Evaluate<string>; value: Evaluate<unknown> }[] = [];
  do {
    const name = attribute(reader.take());
    reader.expect('=');
    parts.push({ name, value: sum(reader) });
  } while (reader.takeIf(','));
  return (scope) => {
    const changed = parts.map(({ name, value }) => [name(scope), value(scope)] as const);
    if (changed.some(([, value]) => value === undefined)) throw new NotModelled('SET to a missing attribute');
    return Object.fromEntries(changed);
  };
}

function reading<T>(parse: (reader: Reader) => Evaluate<T>): (expression: string) => Evaluate<T> {
  const known = new Map<string, Evaluate<T>>();
  return (expression) => {
    const found = known.get(expression);
    if (found) return found;
    const reader = makeReader(expression);
    const parsed = parse(reader);
    reader.end();
    known.set(expression, parsed);
    return parsed;
  };
}

/** A ConditionExpression or KeyConditionExpression. */
export const condition = reading(disjunction);
/** An UpdateExpression: what it sets. */
export const update = reading(assignments);
/** A ProjectionExpression: the attributes that it keeps. */
export const projection = reading<string[]>((reader) => {
  const names = [attribute(reader.take())];
  while (reader.takeIf(',')) names.push(attribute(reader.take()));
  return (scope) => names.map((name) => name(scope));
});
