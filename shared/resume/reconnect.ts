import type { Requests } from '#shared/actions.ts';
import type { Connections } from '#shared/connections/connections.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit, withinLimits } from '#shared/limits/refusals.ts';
import type { Mailboxes, MailboxNumbers } from '#shared/mailboxes/mailboxes.ts';
import { epochChanged } from '#shared/protocol/errors.ts';
import type { ReadMessagesDependencies } from '#shared/reading/read-messages.ts';
import type { ConnectionCall } from '#shared/runtime/call.ts';
import { passOver } from '#shared/runtime/telemetry.ts';
import { makeDrainBudget } from './drain-budget.ts';
import { type Behind, makeDrain } from './drain-conversations.ts';
import { ConnectionGone, makePager } from './drain-pages.ts';

export interface ReconnectDependencies extends ReadMessagesDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
  /** Which life of the data this is. */
  readonly epoch: string;
}

export type Reconnect = (request: Requests['reconnect'], call: ConnectionCall) => Promise<undefined>;

/**
 * Lets pushes begin, then sends what the device has not got, page by page, and the end marker. All of it travels by
 * the management API rather than the route's response, because its order matters.
 */
export function makeReconnect(dependencies: ReconnectDependencies): Reconnect {
  const { connections, gateway, limiter, mailboxes, telemetry, epoch } = dependencies;
  const skip = passOver(telemetry);
  const drain = makeDrain(dependencies);

  /** False for one of too many connections, whose row was removed while it was still opening: it is closed. */
  async function letPushesBegin({ actor, connectionId }: ConnectionCall): Promise<boolean> {
    const isOpen = await connections.markReady({ userId: actor.userId, connectionId });
    // Also if the request itself is over its limit: this connection counts no more, and would be one too many.
    if (!isOpen) await gateway.close(connectionId);
    return isOpen;
  }

  /** Back-pressure: a slow reader is waited for, and one that does not read is let go of. */
  async function postPage(connectionId: string, frame: string) {
    const outcome = await gateway.post(connectionId, frame, { waitsForReader: true });
    if (outcome === 'full') await gateway.close(connectionId);
    return outcome;
  }

  return async (request, call) => {
    const { actor, connectionId, requestId, charges } = call;
    // Its positions name other messages than those that stand in these places now: nothing must begin by them.
    if (request.epoch !== undefined && request.epoch !== epoch) {
      await refuseOverLimit(limiter, charges);
      throw epochChanged(epoch);
    }
    const isOpen = await withinLimits(limiter, charges, () => letPushesBegin(call));
    if (!isOpen) return;

    // Only now: of this read and the look-up that a sender makes after its commit, at least one sees the other.
    const behind = findBehind(request, await mailboxes.all(actor.userId, skip));
    const budget = makeDrainBudget({ limiter, userId: actor.userId, connectionId });
    const pager = makePager((frame) => postPage(connectionId, frame), requestId, epoch, budget);
    try {
      await drain(actor, behind, pager);
    } catch (error) {
      if (!(error instanceof ConnectionGone)) throw error;
    } finally {
      await budget.end();
    }
  };
}

/** What the device has not got, the conversations that were active last first, and those last of which very much is missing. */
function findBehind(request: Requests['reconnect'], mailboxes: readonly MailboxNumbers[]): Behind[] {
  return mailboxes
    .map((mailbox) => ({ mailbox, position: positionOf(request, mailbox) }))
    .filter(({ mailbox, position }) => mailbox.lastSeq > position)
    .sort(byPatience);
}

/** More than so many messages of one conversation wait for all others: whoever sent them may have flooded. */
const manyMissing = 100;

function byPatience(one: Behind, other: Behind): number {
  return (
    Math.max(missingOf(one), manyMissing) - Math.max(missingOf(other), manyMissing) ||
    other.mailbox.lastMessageAt - one.mailbox.lastMessageAt
  );
}

const missingOf = ({ mailbox, position }: Behind): number => mailbox.lastSeq - position;

/** Where the device stands in `mailbox`, or nowhere if it did not ask for this conversation. */
function positionOf({ positions, only }: Requests['reconnect'], mailbox: MailboxNumbers): number {
  if (positions === undefined) return mailbox.deliveredSeq;
  return positions.get(mailbox.conversationId) ?? (only ? Number.POSITIVE_INFINITY : 0);
}
