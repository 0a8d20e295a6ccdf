import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Row } from '#shared/aws/rows.ts';
import { errorName } from '#shared/runtime/retries.ts';
import { place } from './commit-transaction.dynamodb.ts';

/** Reasons that say "not now" rather than "never" (DynamoDB, TransactionCanceledException). */
const contention = new Set([
  'None',
  'ConditionalCheckFailed',
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

/** Refusals after which the same request may still have been, or still be, carried out. */
const transientNames = new Set([
  'TransactionInProgressException',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
]);

/** A transaction that was cancelled by contention: what it met, as it stands there. */
export interface LostRace {
  /** Whether a condition failed: positions only grow, so this transaction can never be carried out any more. */
  readonly placeTaken: boolean;
  readonly head?: Row;
  readonly senderMailbox?: Row;
}

/** `undefined` where `error` is not a cancellation by contention alone. */
export function lostRace(error: unknown): LostRace | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const reasons = error.CancellationReasons ?? [];
  if (reasons.length === 0 || !reasons.every((reason) => contention.has(reason.Code ?? 'None')))
    return undefined;
  const row = (index: number): Row | undefined => {
    const item = reasons[index]?.Item;
    return item && unmarshall(item);
  };
  const head = row(place.head);
  const senderMailbox = row(place.senderMailbox);
  const placeTaken = reasons.some((reason) => reason.Code === 'ConditionalCheckFailed');
  return { placeTaken, ...(head && { head }), ...(senderMailbox && { senderMailbox }) };
}

/**
 * Whether the request may be repeated under the same token because its outcome is not known: time-outs, broken
 * connections and 5xx, where nobody can tell, and throttling, where it was not carried out.
 */
export function mayHaveCommitted(error: unknown): boolean {
  if (error instanceof TransactionCanceledException) return false;
  if (transientNames.has(errorName(error))) return true;
  const { $fault, $metadata } = error as {
    $fault?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return $fault !== 'client' || ($metadata?.httpStatusCode ?? 0) >= 500;
}
