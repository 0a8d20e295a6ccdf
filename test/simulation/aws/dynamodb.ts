import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  type BatchGetCommandInput,
  DeleteCommand,
  GetCommand,
  type GetCommandInput,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { Scheduler } from '../scheduler.ts';
import { condition, type Item, NotModelled, update } from './expressions.ts';
import { query } from './query.ts';
import { copy, makeRows, type Rows, type Slot } from './rows.ts';
import { makeTransactions } from './transactions.ts';
import { type Answer, awsError } from './wire.ts';

export interface Options {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
}

export interface SimulatedDynamoDB {
  readonly rows: Rows;
  /** Carries out one command as it arrives. */
  perform(command: unknown, answer: Answer<unknown>): void;
}

/** The parts of a command that this knows; any other would change its meaning unseen. */
const known = {
  Get: ['TableName', 'Key', 'ConsistentRead'],
  Put: ['TableName', 'Item', 'ConditionExpression', 'ExpressionAttributeValues'],
  Delete: ['TableName', 'Key', 'ConditionExpression', 'ExpressionAttributeValues'],
  Update: [
    'TableName',
    'Key',
    'UpdateExpression',
    'ConditionExpression',
    'ExpressionAttributeNames',
    'ExpressionAttributeValues',
    'ReturnValues',
    'ReturnValuesOnConditionCheckFailure',
  ],
  Query: [
    'TableName',
    'KeyConditionExpression',
    'ExpressionAttributeValues',
    'ProjectionExpression',
    'ConsistentRead',
    'ExclusiveStartKey',
    'IndexName',
    'ScanIndexForward',
    'Limit',
  ],
  BatchGet: ['RequestItems'],
} as const;

export function checkInput(kind: keyof typeof known, input: object): void {
  const parts: readonly string[] = known[kind];
  const unknown = Object.keys(input).filter((name) => !parts.includes(name));
  if (unknown.length > 0) throw new NotModelled(`${kind} with ${unknown}`);
}

/**
 * DynamoDB in memory: every command takes effect on each row in one moment, transactions row by row (`transactions.ts`).
 * Expressions are evaluated as they are written; whatever is not modelled throws.
 */
export function makeDynamoDB(
  options: Options,
  rows: Rows = makeRows(options.scheduler.now),
): SimulatedDynamoDB {
  const transact = makeTransactions({ ...options, rows });
  const reads = makeReads(options, rows);
  const writes = makeWrites(options, rows);

  return {
    rows,
    perform(command, answer) {
      try {
        if (command instanceof TransactWriteCommand) transact(command.input, answer);
        else if (command instanceof BatchGetCommand) reads.batchGet(command.input, answer);
        else if (command instanceof GetCommand) answer.ok(reads.get(command.input));
        else if (command instanceof QueryCommand) answer.ok(reads.query(command.input));
        else if (command instanceof PutCommand) answer.ok(writes.put(command.input));
        else if (command instanceof UpdateCommand) answer.ok(writes.update(command.input));
        else if (command instanceof DeleteCommand) answer.ok(writes.delete(command.input));
        else throw new NotModelled(String((command as object).constructor.name));
      } catch (error) {
        answer.fail(error);
      }
    },
  };
}

/** Eventually consistent reads are this far behind at most. */
const staleMs = 400;

function makeReads({ scheduler, dice, faults }: Options, rows: Rows) {
  const seen = (slot: Slot, consistent: boolean | undefined): Item | undefined => {
    const maySeeOld = !consistent && scheduler.now() - slot.changedAt < staleMs;
    const item = maySeeOld && faults.happens('staleReads') ? slot.before : slot.item;
    return item && copy(item);
  };

  return {
    get(input: GetCommandInput): object {
      checkInput('Get', input);
      const item = seen(rows.slot(input.TableName ?? '', input.Key ?? {}), input.ConsistentRead);
      return item ? { Item: item } : {};
    },

    query(input: QueryCommandInput): object {
      checkInput('Query', input);
      const consistent = input.ConsistentRead;
      return query(input, rows, (slot) => seen(slot, consistent), dice, faults.happens('smallPages'));
    },

    /** No snapshot: each row is read in a moment of its own. */
    batchGet(input: BatchGetCommandInput, answer: Answer<unknown>): void {
      checkInput('BatchGet', input);
      const Responses: Record<string, Item[]> = {};
      const UnprocessedKeys: Record<string, { Keys: Item[]; ConsistentRead: boolean }> = {};
      let left = 0;
      const readOne = (table: string, key: Item, consistent: boolean) => {
        if (faults.happens('unprocessed')) {
          UnprocessedKeys[table] ??= { Keys: [], ConsistentRead: consistent };
          UnprocessedKeys[table].Keys.push(key);
        } else {
          const item = seen(rows.slot(table, key), consistent);
          Responses[table] ??= [];
          if (item) Responses[table].push(item);
        }
        left -= 1;
        if (left === 0) answer.ok({ Responses, UnprocessedKeys });
      };
      for (const [table, { Keys = [], ConsistentRead = false }] of Object.entries(input.RequestItems ?? {}))
        for (const key of Keys as Item[]) {
          left += 1;
          scheduler.after(dice.between(0, 3), () => readOne(table, key, ConsistentRead));
        }
    },
  };
}

function makeWrites({ faults }: Options, rows: Rows) {
  function refuseConflict(slot: Slot): void {
    if (slot.lockedBy !== undefined || faults.happens('conflict'))
      throw awsError('TransactionConflictException', 400);
  }

  return {
    put(input: PutCommand['input']): object {
      checkInput('Put', input);
      const { TableName = '', Item = {}, ConditionExpression, ExpressionAttributeValues: values } = input;
      const slot = rows.slot(TableName, rows.keyOf(TableName, Item));
      refuseConflict(slot);
      check(slot, ConditionExpression, { names: undefined, values }, false);
      rows.write(slot, Item);
      return {};
    },
    update(input: UpdateCommandInput): object {
      checkInput('Update', input);
      const { TableName = '', Key = {}, UpdateExpression = '', ReturnValues } = input;
      const slot = rows.slot(TableName, Key);
      refuseConflict(slot);
      const scope = { names: input.ExpressionAttributeNames, values: input.ExpressionAttributeValues };
      const wantsOld = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
      check(slot, input.ConditionExpression, scope, wantsOld);
      const changed = update(UpdateExpression)({ ...scope, item: slot.item ?? {} });
      rows.write(slot, { ...Key, ...slot.item, ...changed });
      if (ReturnValues === 'ALL_NEW') return { Attributes: copy(slot.item ?? {}) };
      return ReturnValues === 'UPDATED_NEW' ? { Attributes: copy(changed) } : {};
    },
    delete(input: DeleteCommand['input']): object {
      checkInput('Delete', input);
      const slot = rows.slot(input.TableName ?? '', input.Key ?? {});
      if (input.ConditionExpression !== undefined) throw new NotModelled('a condition of a Delete alone');
      refuseConflict(slot);
      rows.write(slot, undefined);
      return {};
    },
  };
}

type Surroundings = {
  names: Record<string, string> | undefined;
  values: Record<string, unknown> | undefined;
};

function check(slot: Slot, expression: string | undefined, scope: Surroundings, wantsOld: boolean): void {
  if (expression === undefined || condition(expression)({ ...scope, item: slot.item ?? {} })) return;
  throw new ConditionalCheckFailedException({
    message: 'The conditional request failed',
    $metadata: { httpStatusCode: 400 },
    ...(wantsOld && slot.item && { Item: marshall(slot.item) }),
  });
}
