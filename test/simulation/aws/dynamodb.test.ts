import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestDynamoDB, type TestDynamoDB } from '#test/support/dynamodb.ts';
import { type Dice, makeDice } from '../dice.ts';
import { faultKinds, makeFaults } from '../faults.ts';
import { makeScheduler } from '../scheduler.ts';
import { makeDynamoDB } from './dynamodb.ts';
import { NotModelled } from './expressions.ts';

/**
 * The simulated DynamoDB against a real one: random commands of the shapes that the adapters use, one after the
 * other, must give the same answers, refusals and rows.
 */
const sequences = Number(process.env.SIMULATION_DIFFERENTIAL ?? 20);
const commandsEach = 60;

let real: TestDynamoDB;
beforeAll(async () => {
  real = await startTestDynamoDB();
});
afterAll(() => real.stop());

type Input = Record<string, unknown>;
type TableName = 'mailboxes' | 'messages' | 'rateLimits';

/** Makes the inputs of commands for tables of these names; every sequence has partitions of its own. */
function makeInputs(dice: Dice, names: (id: TableName) => string, run: string) {
  const partition = () => `${run}-${dice.between(1, 2)}`;
  const keys = {
    mailboxes: () => ({ userId: partition(), conversationId: `c${dice.between(1, 4)}` }),
    messages: () => ({ conversationId: partition(), seq: dice.between(1, 12) }),
    rateLimits: () => ({ key: `${run}-${dice.between(1, 3)}` }),
  };
  const table = () => dice.pick(['mailboxes', 'messages', 'rateLimits'] as const);
  const number = () => dice.between(0, 6);

  /** A condition over numbers that may be missing, with the values that it uses. */
  function conditionOf(values: Input, depth = 0): string {
    const value = (given = number()) => {
      const name = `:v${Object.keys(values).length}`;
      values[name] = given;
      return name;
    };
    const least = number();
    const attribute = () => dice.pick(['lastSeq', 'deliveredSeq', 'tat']);
    const form = dice.between(0, depth > 2 ? 3 : 6);
    if (form === 0) return `attribute_exists(${attribute()})`;
    if (form === 1) return `attribute_not_exists(${attribute()})`;
    if (form === 2) return `${attribute()} BETWEEN ${value(least)} AND ${value(least + number())}`;
    if (form === 3) return `${attribute()} ${dice.pick(['=', '<>', '<', '<=', '>', '>='])} ${value()}`;
    if (form === 4) return `(${conditionOf(values, depth + 1)} OR ${conditionOf(values, depth + 1)})`;
    return `${conditionOf(values, depth + 1)} ${dice.pick(['AND', 'OR'])} ${conditionOf(values, depth + 1)}`;
  }

  /** `adds`: sums as well, which are refused where an attribute is missing. */
  function updateOf(adds: boolean): Input {
    const id = table();
    const values: Input = { ':one': number(), ':bytes': dice.bytes(3) };
    const sum = dice.pick(['tat = tat + :one', 'tat = :one', 'deliveredSeq = tat - :one']);
    const sets = ['lastSeq = :one', ...(adds ? [sum] : ['tat = :one'])];
    const condition = conditionOf(values);
    return {
      TableName: names(id),
      Key: keys[id](),
      UpdateExpression: `SET ${sets.join(', ')}, recentSends = :bytes${id === 'mailboxes' ? ', activeHour = :one' : ''}`,
      ...(dice.chance(0.6) ? { ConditionExpression: condition } : {}),
      ExpressionAttributeValues: values,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  function itemOf(id: TableName): Input {
    return {
      ...keys[id](),
      lastSeq: number(),
      name: `n${number()}`,
      blob: dice.bytes(2),
      list: ['a', 'b'],
      is: true,
    };
  }

  function queryOf(): Input {
    const start = dice.between(1, 10);
    if (dice.chance(0.4))
      return {
        TableName: names('messages'),
        KeyConditionExpression: 'conversationId = :conversationId AND seq BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':conversationId': partition(), ':from': start, ':to': start + 5 },
        ConsistentRead: true,
        ...(dice.chance(0.5) && { Limit: dice.between(1, 4) }),
      };
    const byIndex = dice.chance(0.5);
    return {
      TableName: names('mailboxes'),
      KeyConditionExpression: byIndex ? 'userId = :userId AND activeHour <= :hour' : 'userId = :userId',
      ExpressionAttributeValues: { ':userId': partition(), ...(byIndex && { ':hour': number() }) },
      ConsistentRead: true,
      ...(byIndex
        ? { IndexName: 'byActivity', ScanIndexForward: false }
        : { ProjectionExpression: 'lastSeq, userId' }),
      ...(dice.chance(0.5) && { Limit: dice.between(1, 3) }),
    };
  }

  function transactionOf(): Input {
    const updates = [keys.mailboxes(), keys.mailboxes()];
    const distinct = updates.filter(
      (key, index) => JSON.stringify(key) !== JSON.stringify(updates[1 - index]) || index === 0,
    );
    return {
      ClientRequestToken: `${run}-${dice.between(1, 1e9)}`,
      TransactItems: [
        ...distinct.map((Key) => ({
          Update: { ...withUsedValues(updateOf(false)), TableName: names('mailboxes'), Key },
        })),
        { Put: { TableName: names('messages'), Item: itemOf('messages') } },
      ],
    };
  }

  return { table, keys, updateOf, itemOf, queryOf, transactionOf, conditionOf };
}

/** Real DynamoDB refuses values that no expression uses. */
function withUsedValues(input: Input): Input {
  const text = `${input.UpdateExpression} ${input.ConditionExpression ?? ''} `;
  const values = Object.entries(input.ExpressionAttributeValues as Input);
  const used = values.filter(([name]) => new RegExp(`${name}(?![A-Za-z0-9])`).test(text));
  return { ...input, ExpressionAttributeValues: Object.fromEntries(used) };
}

type Names = (id: TableName) => string;

/** The same command twice: for the real tables, and for the simulated ones. */
function commandOf(dice: Dice, names: Names, run: string): object {
  const { table, keys, updateOf, itemOf, queryOf, transactionOf, conditionOf } = makeInputs(dice, names, run);
  const id = table();
  const values: Input = {};
  switch (dice.between(0, 8)) {
    case 0:
      return new GetCommand({ TableName: names(id), Key: keys[id](), ConsistentRead: true });
    case 1:
      return new DeleteCommand({ TableName: names(id), Key: keys[id]() });
    case 2:
      return new PutCommand({ TableName: names(id), Item: itemOf(id) });
    case 3: {
      const ConditionExpression = conditionOf(values);
      const used = Object.keys(values).length > 0 && { ExpressionAttributeValues: values };
      return new PutCommand({ TableName: names(id), Item: itemOf(id), ConditionExpression, ...used });
    }
    case 4:
      return new QueryCommand(queryOf() as never);
    case 5: {
      const Keys = [
        ...new Map([1, 2, 3].map(() => keys[id]()).map((key) => [JSON.stringify(key), key])).values(),
      ];
      return new BatchGetCommand({ RequestItems: { [names(id)]: { Keys, ConsistentRead: true } } });
    }
    case 6:
      return new TransactWriteCommand(transactionOf() as never);
    default: {
      const ReturnValues = dice.pick(['ALL_NEW', 'UPDATED_NEW'] as const);
      return new UpdateCommand({ ...withUsedValues(updateOf(true)), ReturnValues } as never);
    }
  }
}

/** What of an answer or a refusal the adapters read. */
function essence(answer: unknown): unknown {
  const { Item, Items, LastEvaluatedKey, Attributes, Responses } = Object(answer);
  const rows = Object.values((Responses ?? {}) as Record<string, object[]>).flat();
  // A batch has no order.
  const Batch = rows.map((row) => JSON.stringify(sorted(row))).sort();
  return JSON.parse(JSON.stringify(sorted({ Item, Items, LastEvaluatedKey, Attributes, Batch })));
}

function refusal(error: unknown): unknown {
  if (error instanceof NotModelled) return { name: 'ValidationException' };
  const { name, Item, CancellationReasons = [] } = Object(error);
  if (name === 'ValidationException') return { name };
  const reasons = CancellationReasons.map(({ Code, Item: row }: Input) => sorted({ Code, row }));
  return JSON.parse(JSON.stringify(sorted({ name, Item, reasons })));
}

/** With its keys in order, and bytes as text. */
function sorted(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, one]) => [key, sorted(one)]),
  );
}

function makeSimulated(seed: number) {
  const dice = makeDice(seed);
  const scheduler = makeScheduler(dice.fork(), 0);
  const simulated = makeDynamoDB({
    scheduler,
    dice: dice.fork(),
    faults: makeFaults(dice.fork(), faultKinds),
  });
  return async (command: object): Promise<unknown> => {
    let outcome: unknown;
    const answered = new Promise<void>((resolve) => {
      const end = (result: unknown) => {
        outcome = result;
        resolve();
      };
      simulated.perform(command, {
        ok: (value) => end(essence(value)),
        fail: (error) => end(refusal(error)),
      });
    });
    await scheduler.run(answered);
    return outcome;
  };
}

test.for(Array.from({ length: sequences }, (_, index) => index + 1))(
  'answers %i × 60 random commands as a real DynamoDB does',
  async (seed) => {
    const simulate = makeSimulated(seed);
    const [ofReal, ofSimulated] = [makeDice(seed), makeDice(seed)];
    for (let number = 1; number <= commandsEach; number += 1) {
      const command = commandOf(ofReal, (id) => real.tableNames[id], `s${seed}`);
      const twin = commandOf(ofSimulated, (id) => id, `s${seed}`);
      const expected = await real.client.send(command as never).then(essence, refusal);
      expect(
        await simulate(twin),
        `command ${number}: ${JSON.stringify((twin as { input: Input }).input)}`,
      ).toStrictEqual(expected);
    }
  },
);

test('bounds the wrong way round are refused, as by DynamoDB', async () => {
  const query = (TableName: string) =>
    new QueryCommand({
      TableName,
      KeyConditionExpression: 'conversationId = :conversationId AND seq BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':conversationId': 'c', ':from': 2, ':to': 1 },
    });
  const expected = await real.client.send(query(real.tableNames.messages)).then(essence, refusal);
  expect(expected).toStrictEqual({ name: 'ValidationException' });
  expect(await makeSimulated(1)(query('messages'))).toStrictEqual(expected);
});
