import { isDeepStrictEqual } from 'node:util';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import { checkInput, type Options } from './dynamodb.ts';
import { condition, type Item, NotModelled, update } from './expressions.ts';
import type { Rows, Slot } from './rows.ts';
import { type Answer, awsError } from './wire.ts';

interface Step {
  readonly slot: Slot;
  readonly wantsOld: boolean;
  isAllowed(): boolean;
  /** The row as it will be, if there will be one. */
  result(): Item | undefined;
}

interface Remembered {
  readonly request: TransactItem[];
  readonly at: number;
  state: 'underway' | 'committed';
}

/** For this long DynamoDB recognises a ClientRequestToken. */
const tokenMs = 10 * 60_000;

/**
 * Two phases, as DynamoDB's authors describe them (Idziorek and others, "Distributed Transactions at Scale in Amazon
 * DynamoDB", 2023): all rows are locked and checked in one moment; then each row changes, and lets its lock go, in a
 * moment of its own. Reads see each row as it is, so a reader may meet one half of a transaction. Whoever meets a lock
 * gets a conflict. The answer comes after the last row.
 */
export function makeTransactions(options: Options & { readonly rows: Rows }) {
  const { scheduler, dice, faults, rows } = options;
  const tokens = new Map<string, Remembered>();
  let transactions = 0;

  return (input: TransactWriteCommandInput, answer: Answer<unknown>) => {
    const { ClientRequestToken: token, TransactItems = [], ...unknown } = input;
    if (Object.keys(unknown).length > 0) throw new NotModelled(`a transaction with ${Object.keys(unknown)}`);
    const remembered = token === undefined ? undefined : tokens.get(token);
    if (remembered && scheduler.now() - remembered.at < tokenMs && !faults.happens('forgottenToken')) {
      if (!isDeepStrictEqual(remembered.request, TransactItems))
        return answer.fail(awsError('IdempotentParameterMismatchException', 400));
      if (remembered.state === 'underway')
        return answer.fail(awsError('TransactionInProgressException', 400));
      return answer.ok({});
    }

    const steps = TransactItems.map((one) => stepOf(rows, one));
    const reasons = steps.map((step) =>
      reasonAgainst(step, faults.happens('conflict') ? dice.pick(passingReasons) : undefined),
    );
    if (reasons.some(({ Code }) => Code !== 'None')) {
      const cancelled = { message: 'Transaction cancelled', $metadata: { httpStatusCode: 400 } };
      return answer.fail(new TransactionCanceledException({ ...cancelled, CancellationReasons: reasons }));
    }
    transactions += 1;
    const name = `transaction ${transactions}`;
    const memory: Remembered = { request: TransactItems, at: scheduler.now(), state: 'underway' };
    if (token !== undefined) tokens.set(token, memory);
    let left = steps.length;
    for (const step of steps) {
      const item = step.result();
      step.slot.lockedBy = name;
      scheduler.after(applyDelay(dice, faults), () => {
        step.slot.lockedBy = undefined;
        rows.write(step.slot, item);
        left -= 1;
        if (left > 0) return;
        memory.state = 'committed';
        answer.ok({});
      });
    }
  };
}

function applyDelay(dice: Dice, faults: Faults): number {
  if (faults.happens('slowRows')) return dice.between(20, 3_000);
  return dice.chance(0.05) ? dice.between(20, 250) : dice.between(0, 8);
}

/** Reasons against a row that have nothing to do with what is in it. */
const passingReasons = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'] as const;

function reasonAgainst({ slot, isAllowed, wantsOld }: Step, passing: string | undefined) {
  if (slot.lockedBy !== undefined) return { Code: 'TransactionConflict' };
  if (passing !== undefined) return { Code: passing };
  if (isAllowed()) return { Code: 'None' };
  return { Code: 'ConditionalCheckFailed', ...(wantsOld && slot.item && { Item: marshall(slot.item) }) };
}

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

function stepOf(rows: Rows, { Update, Put, Delete, ...unknown }: TransactItem): Step {
  if (Object.keys(unknown).length > 0) throw new NotModelled(`a transaction's ${Object.keys(unknown)}`);
  const input = Update ?? Put ?? Delete ?? {};
  checkInput(Update ? 'Update' : Put ? 'Put' : 'Delete', input);
  const { TableName = '', ConditionExpression } = Update ?? Put ?? Delete ?? {};
  const key = Update?.Key ?? Delete?.Key ?? rows.keyOf(TableName, Put?.Item ?? {});
  const slot = rows.slot(TableName, key);
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } =
    Update ?? Put ?? Delete ?? {};
  const scope = () => ({ names, values, item: slot.item ?? {} });
  return {
    slot,
    wantsOld: Update?.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
    isAllowed: () => ConditionExpression === undefined || condition(ConditionExpression)(scope()),
    result: () => {
      if (Delete) return undefined;
      return Update
        ? { ...key, ...slot.item, ...update(Update.UpdateExpression ?? '')(scope()) }
        : { ...Put?.Item };
    },
  };
}
