import type { ConversationIdentity } from '#shared/domain/conversation.ts';
import type { ReconnectRequest } from '#shared/protocol/requests.ts';
import { ConnectionGone, makePager, type Pager } from './drain-pages.ts';
import { viewMessage } from './message-view.ts';
import type { ConnectionGateway, Connections, Mailboxes, MailboxNumbers, RateLimiter } from './ports.ts';
import { makeReadMessages, type ReadMessagesDependencies, type ReadResult } from './read-messages.ts';
import { refuseRequestOverLimit } from './refusals.ts';
import type { Session } from './session.ts';
import { sideBySide } from './waiting.ts';

export interface ReconnectDependencies extends ReadMessagesDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly mailboxes: Mailboxes;
  readonly limiter: RateLimiter;
}

export type Reconnect = (
  request: ReconnectRequest,
  session: Session,
  requestId: string | undefined,
) => Promise<undefined>;

/** Time for the pages. The function has 29 s, and a client that is told `more` comes again. */
const drainMs = 15_000;
/** Messages of one conversation that are read at once. */
const chunk = 100;
/** Conversations that are read ahead of the one that is being sent. Memory stays below chunk × this × 16 KB. */
const readAhead = 8;

/** A conversation of which the device has not got everything. */
interface Behind {
  readonly identity: ConversationIdentity;
  readonly mailbox: MailboxNumbers;
  readonly position: number;
}

/**
 * Lets pushes begin, then sends what the device has not got, page by page, and the end marker. All of it travels by
 * the management API rather than the route's response, because its order matters.
 */
export function makeReconnect(dependencies: ReconnectDependencies): Reconnect {
  const { connections, gateway, limiter } = dependencies;
  const findBehind = makeFindBehind(dependencies);
  const drain = makeDrain(dependencies);

  return async (request, session, requestId) => {
    const [, isOpen] = await sideBySide(
      refuseRequestOverLimit(limiter, request, session),
      connections.markReady(session),
    );
    // One of too many connections, whose row was removed while it was still opening.
    if (!isOpen) {
      await gateway.close(session.connectionId);
      return;
    }

    // Only now: of this read and the look-up that a sender makes after its commit, at least one sees the other.
    const behind = await findBehind(request, session.userId);
    const pager = makePager((frame) => gateway.post(session.connectionId, frame), requestId);
    try {
      await drain(behind, session.userId, pager);
    } catch (error) {
      if (!(error instanceof ConnectionGone)) throw error;
    }
  };
}

/** Where the device stands in `mailbox`, or nowhere if it did not ask for this conversation. */
function positionOf({ positions, only }: ReconnectRequest, mailbox: MailboxNumbers): number {
  if (positions === undefined) return mailbox.deliveredSeq;
  return positions.get(mailbox.conversationId) ?? (only ? Number.POSITIVE_INFINITY : 0);
}

function makeFindBehind({ mailboxes, log, telemetry }: ReconnectDependencies) {
  return async (request: ReconnectRequest, userId: string): Promise<Behind[]> => {
    const behind = (await mailboxes.all(userId))
      .map((mailbox) => ({ mailbox, position: positionOf(request, mailbox) }))
      .filter(({ mailbox, position }) => mailbox.lastSeq > position);
    const identities = await log.identities(behind.map(({ mailbox }) => mailbox.conversationId));
    return behind.flatMap(({ mailbox, position }) => {
      const identity = identities.get(mailbox.conversationId);
      if (identity) return { identity, mailbox, position };
      // Its key salt was deleted: nobody can read it any more.
      telemetry.warn('conversation without a head', { conversationId: mailbox.conversationId });
      return [];
    });
  };
}

function makeDrain(dependencies: ReconnectDependencies) {
  const { clock } = dependencies;
  const readMessages = makeReadMessages(dependencies);

  const read = ({ identity, mailbox }: Behind, after: number): Promise<ReadResult> =>
    readMessages(identity, {
      from: after + 1,
      to: Math.min(after + chunk, mailbox.lastSeq),
      lastMessageAt: mailbox.lastMessageAt,
    });

  /** Sends one conversation from its first chunk on; whether all of it was sent. */
  async function drainOne(one: Behind, first: ReadResult, userId: string, pager: Pager, stopAt: number) {
    const { identity, mailbox } = one;
    let asked = Math.min(one.position + chunk, mailbox.lastSeq);
    for (let result = first; ; result = await read(one, result.through)) {
      for (const { stored, content } of result.messages) {
        // Each post may be slow: a hundred of them could outlive the function.
        if (clock.now() >= stopAt) return false;
        await pager.add(viewMessage(stored, content, identity, userId), mailbox);
      }
      if (result.through < asked) return false;
      if (result.through === mailbox.lastSeq) return true;
      if (clock.now() >= stopAt) return false;
      asked = Math.min(result.through + chunk, mailbox.lastSeq);
    }
  }

  return async (behind: readonly Behind[], userId: string, pager: Pager): Promise<void> => {
    const stopAt = clock.now() + drainMs;
    const ahead: Promise<ReadResult>[] = [];
    const waiting = behind[Symbol.iterator]();
    const startNext = () => {
      const { value } = waiting.next();
      if (!value) return;
      const reading = read(value, value.position);
      // Its failure is met when its turn comes.
      reading.catch(() => {});
      ahead.push(reading);
    };
    for (let index = 0; index < readAhead; index += 1) startNext();

    let complete = true;
    try {
      for (const one of behind) {
        const first = ahead.shift();
        if (!first || clock.now() >= stopAt || !pager.canName(one.mailbox)) {
          complete = false;
          break;
        }
        complete = (await drainOne(one, await first, userId, pager, stopAt)) && complete;
        startNext();
      }
    } finally {
      // A Lambda freezes what is not awaited.
      await Promise.allSettled(ahead);
    }
    await pager.finish(!complete);
  };
}
