import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { UpdateCommand, type UpdateCommandInput, type UpdateCommandOutput } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { LRUCache } from 'lru-cache';
import { type KeyOf, readerOf } from '#shared/aws/rows.ts';
import {
  type GcraCharge,
  gcraCharge,
  gcraDebit,
  isUsedUp,
  refundOf,
  retryAfterMs,
} from '#shared/limits/gcra.ts';
import { addressBlock } from '#shared/limits/ip-address.ts';
import { RateLimiterUnavailable, type RateLimitName, type RateLimits } from '#shared/limits/rate-limits.ts';
import type { Clock, RandomBytes } from '#shared/runtime/clock.ts';
import { makeRetries, policies } from '#shared/runtime/retries.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import type { RateLimitCharge, RateLimitDecision, RateLimiter } from './rate-limiter.ts';

interface RateLimiterDependencies {
  /** A DynamoDBDocumentClient. */
  readonly dynamodb: { send(command: UpdateCommand): Promise<UpdateCommandOutput> };
  readonly tableName: string;
  readonly limits: RateLimits;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly telemetry: Telemetry;
  /** Keys whose last answer it remembers, 10,000 by default: about 1 MB. */
  readonly rememberedKeys?: number | undefined;
}

/** One charge as it meets its row. */
interface Booking extends GcraCharge {
  readonly limit: RateLimitName;
  readonly key: string;
}

type Outcome =
  | { readonly kind: 'granted'; readonly booking: Booking }
  | { readonly kind: 'refused'; readonly retryAfterMs: number }
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'unavailable'; readonly error: RateLimiterUnavailable };

type RowUpdate = Pick<
  UpdateCommandInput,
  'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

/** Rows outlive their use by this, for clocks that differ. */
const spareSeconds = 60;
const refundIdBytes = 9;

const budgets = /* @__PURE__ */ readerOf('rateLimits', ['tat']);

const budgetIsFull = '(attribute_not_exists(#tat) OR #tat <= :now)';
const budgetIsPartlyUsed = '#tat > :now';
const budgetHasEnough = '#tat <= :latest';
const rowExists = 'attribute_exists(#tat)';
const refundIsNew = '(attribute_not_exists(#lastRefund) OR #lastRefund <> :refundId)';

/**
 * Rate limits in one DynamoDB table, one row per limit and user, address or connection. No more than burst + refill passes,
 * whatever runs side by side in however many environments. A charge takes one update, two at the start of a burst, up
 * to four while units are given back, and none while the last answer for its key says that nothing is left.
 *
 * `take` throws `RateLimiterUnavailable` when DynamoDB fails (after the client's own retries) for a limit that fails
 * closed, and RangeError for a cost that the limit's burst can never grant.
 */
export function makeRateLimiter(deps: RateLimiterDependencies): RateLimiter {
  const { limits, clock, randomBytes, telemetry, rememberedKeys = 10_000 } = deps;
  const retries = makeRetries({ clock });
  /** The last tat seen of each key. It may be old: it suggests where to begin, the row decides. */
  const lastTats = new LRUCache<string, number>({ max: rememberedKeys });
  const lastTat = (booking: Booking) => lastTats.get(booking.key) ?? 0;

  async function charge(booking: Booking): Promise<Outcome> {
    let tat = lastTat(booking);
    const outcome = await retries.asking(policies.rateLimitCharge, async (): Promise<Outcome | undefined> => {
      const rowUpdate = tat > booking.now ? chargePartlyUsedBudget(booking) : chargeFullBudget(booking);
      const result = await updateRow(deps, booking.key, rowUpdate);
      tat = result.tat;
      lastTats.set(booking.key, tat);
      if (result.applied) return { kind: 'granted', booking };
      if (tat > booking.latest) return { kind: 'refused', retryAfterMs: retryAfterMs(booking, tat) };
      return undefined;
    });
    if (outcome) return outcome;
    telemetry.count('RateLimiterContention');
    return { kind: 'refused', retryAfterMs: 1 };
  }

  async function chargeUnlessStoreFails(booking: Booking): Promise<Outcome> {
    try {
      return await charge(booking);
    } catch (error) {
      const { limit } = booking;
      const { whenStoreFails } = limits[limit];
      telemetry.error('rate_limiter_failed', error, { limit, whenStoreFails });
      telemetry.count(whenStoreFails === 'open' ? 'RateLimiterFailedOpen' : 'RateLimiterFailedClosed');
      if (whenStoreFails === 'open') return { kind: 'unchecked' };
      return { kind: 'unavailable', error: new RateLimiterUnavailable(limit, error) };
    }
  }

  /** A failure is counted and goes no further: the request is refused anyway, and one charge too many is remembered. */
  async function giveBack(booking: Booking): Promise<void> {
    const refund = refundOf(booking, clock.now());
    if (refund === 0) return;
    const refundId = Buffer.from(randomBytes(refundIdBytes)).toString('base64url');
    try {
      const { tat } = await updateRow(deps, booking.key, refundBudget(refund, refundId));
      lastTats.set(booking.key, tat);
    } catch (error) {
      telemetry.error('rate_limiter_give_back_failed', error, { limit: booking.limit });
      telemetry.count('RateLimiterGiveBackFailed');
    }
  }

  const book = (charges: readonly RateLimitCharge[]): Booking[] => {
    const now = clock.now();
    return charges.map((one) => bookingOf(one, limits, now));
  };

  function decisionSoFar(bookings: readonly Booking[]): RateLimitDecision {
    if (!bookings.some((booking) => isUsedUp(booking, lastTat(booking)))) return { allowed: true };
    const waits = bookings.map((booking) => retryAfterMs(booking, lastTat(booking)));
    return { allowed: false, retryAfterMs: longestWait(waits) };
  }

  const take: RateLimiter['take'] = async (charges, how = 'sideBySide') => {
    const bookings = book(charges);
    // Without this a flood would be paid for frame by frame: a refused update costs as much as a granted one.
    const soFar = decisionSoFar(bookings);
    if (!soFar.allowed) return soFar;

    const outcomes = await (how === 'inTurn' ? chargeInTurn(bookings) : chargeSideBySide(bookings));
    return await settle(outcomes);
  };

  /** All of them, or none: what was granted is given back where another was refused. */
  async function settle(outcomes: readonly Outcome[]): Promise<RateLimitDecision> {
    const wait = longestWait(outcomes.map((one) => (one.kind === 'refused' ? one.retryAfterMs : 0)));
    const unavailable = outcomes.find((outcome) => outcome.kind === 'unavailable');
    if (wait === 0 && !unavailable) return { allowed: true };

    await giveBackAll(outcomes);
    if (wait === 0 && unavailable) throw unavailable.error;
    return { allowed: false, retryAfterMs: wait };
  }

  async function giveBackAll(outcomes: readonly Outcome[]): Promise<void> {
    const granted = outcomes.filter((outcome) => outcome.kind === 'granted');
    await Promise.all(granted.map(({ booking }) => giveBack(booking)));
  }

  const debit: RateLimiter['debit'] = async (charges) => {
    const now = clock.now();
    const bookings = charges.map((one) => ({
      ...bookingOf({ ...one, cost: 1 }, limits, now),
      cost: one.cost ?? 1,
    }));
    await Promise.all(
      bookings.map(async ({ cost, ...booking }) => {
        await chargeUnlessStoreFails({ ...booking, ...gcraDebit(limits[booking.limit], cost, now) });
      }),
    );
  };

  const hold: RateLimiter['hold'] = async (charges) => {
    const outcomes = await chargeSideBySide(book(charges));
    const decision = await settle(outcomes);
    return decision.allowed ? { allowed: true, release: () => giveBackAll(outcomes) } : decision;
  };

  const chargeSideBySide = (bookings: readonly Booking[]) =>
    Promise.all(bookings.map(chargeUnlessStoreFails));

  async function chargeInTurn(bookings: readonly Booking[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const booking of bookings) {
      const outcome = await chargeUnlessStoreFails(booking);
      outcomes.push(outcome);
      if (outcome.kind === 'refused' || outcome.kind === 'unavailable') break;
    }
    return outcomes;
  }

  return { lastKnown: (charges) => decisionSoFar(book(charges)), take, hold, debit };
}

function bookingOf({ limit, of, cost = 1 }: RateLimitCharge, limits: RateLimits, nowMs: number): Booking {
  const { keyPrefix, per } = limits[limit];
  const key = keyPrefix + (per === 'address' ? addressBlock(of) : of);
  return { limit, key, ...gcraCharge(limits[limit], cost, nowMs) };
}

/** Milliseconds, 0 if none has to wait. */
function longestWait(waits: readonly number[]): number {
  return Math.max(0, ...waits);
}

function chargeFullBudget(booking: Booking): RowUpdate {
  return {
    UpdateExpression: 'SET #tat = :tat, #ttl = :ttl',
    ConditionExpression: budgetIsFull,
    ExpressionAttributeNames: { '#tat': 'tat', '#ttl': 'ttl' },
    ExpressionAttributeValues: {
      ':now': booking.now,
      ':tat': booking.now + booking.increment,
      ':ttl': ttlOf(booking),
    },
  };
}

function chargePartlyUsedBudget(booking: Booking): RowUpdate {
  return {
    UpdateExpression: 'SET #tat = #tat + :increment, #ttl = :ttl',
    ConditionExpression: `${budgetIsPartlyUsed} AND ${budgetHasEnough}`,
    ExpressionAttributeNames: { '#tat': 'tat', '#ttl': 'ttl' },
    ExpressionAttributeValues: {
      ':now': booking.now,
      ':latest': booking.latest,
      ':increment': booking.increment,
      ':ttl': ttlOf(booking),
    },
  };
}

/**
 * `refundId` is new for each refund: the SDK repeats a request whose answer was lost, and subtracting twice is wrong.
 * Only another refund of the same row in between would let the repetition through.
 */
function refundBudget(refund: number, refundId: string): RowUpdate {
  return {
    UpdateExpression: 'SET #tat = #tat - :refund, #lastRefund = :refundId',
    ConditionExpression: `${rowExists} AND ${refundIsNew}`,
    ExpressionAttributeNames: { '#tat': 'tat', '#lastRefund': 'lastRefund' },
    ExpressionAttributeValues: { ':refund': refund, ':refundId': refundId },
  };
}

/** Epoch seconds. */
function ttlOf(booking: Booking): number {
  return Math.ceil(booking.fullAgainBy / 1_000_000) + spareSeconds;
}

/** Whether the condition held, and the row's tat after it (0 for no row), in microseconds since the epoch. */
async function updateRow(
  { dynamodb, tableName }: RateLimiterDependencies,
  key: string,
  rowUpdate: RowUpdate,
): Promise<{ applied: boolean; tat: number }> {
  const command = new UpdateCommand({
    TableName: tableName,
    Key: { key } satisfies KeyOf<'rateLimits'>,
    ...rowUpdate,
    ReturnValues: 'UPDATED_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    const { Attributes } = await dynamodb.send(command);
    return { applied: true, tat: budgets.one(Attributes ?? {}, { key }).tat };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // The document client leaves the items of errors as they came over the wire.
    return { applied: false, tat: error.Item ? budgets.one(unmarshall(error.Item), { key }).tat : 0 };
  }
}
