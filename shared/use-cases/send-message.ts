import { directConversationId, isConversationId, otherMember } from '#shared/domain/conversation.ts';
import { DependencyFailure } from '#shared/domain/failures.ts';
import type { StoredMessage } from '#shared/domain/message.ts';
import { makeMessageId } from '#shared/domain/message-id.ts';
import { noRecentSends, rememberSend } from '#shared/domain/recent-sends.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Reply } from '#shared/protocol/replies.ts';
import type { SendRequest } from '#shared/protocol/requests.ts';
import { type DeliverNowDependencies, deliverNow, lookUpEarly } from './deliver-now.ts';
import { type FindDuplicateDependencies, findDuplicate } from './find-duplicate.ts';
import { viewMessage } from './message-view.ts';
import type {
  Commit,
  Connection,
  DeliveryQueue,
  Random,
  RandomBytes,
  RateLimiter,
  SendState,
} from './ports.ts';
import { forbidden, notFound, refuseOverLimit } from './refusals.ts';
import type { Session } from './session.ts';
import { makeBackoff, sideBySide, withinTime } from './waiting.ts';

export interface SendDependencies extends DeliverNowDependencies, FindDuplicateDependencies {
  readonly limiter: RateLimiter;
  readonly queue: DeliveryQueue;
  readonly random: Random;
  readonly randomBytes: RandomBytes;
}

type SentReply = Extract<Reply, { type: 'message.sent' }>;
export type SendMessage = (request: SendRequest, session: Session) => Promise<SentReply>;

/** A lost race is tried again until then. */
const attemptsMs = 15_000;
/** One commit is settled by then: the witness that left with it looks again after 10 s. */
const commitMs = 6_000;
const witnessMs = 1_500;

/**
 * The delivery flow: limits and state side by side, the decision, one transaction, the pushes. Throws a
 * `ProtocolError` with what the client is to be told, or a `DependencyFailure`.
 */
export function makeSendMessage(dependencies: SendDependencies): SendMessage {
  const { log, limiter, clock, telemetry } = dependencies;
  const findParties = makeFindParties(dependencies);
  const composeMessage = makeComposeMessage(dependencies);
  const leaveWitness = makeLeaveWitness(dependencies);
  const backoff = makeBackoff(clock, dependencies.random);

  return async (request, session) => {
    const deadline = clock.now() + attemptsMs;
    const parties = await findParties(request, session.userId);

    // Step 1: may this user and this address send now, and what does the send continue?
    const [, { state: initial, blocked }] = await sideBySide(
      refuseOverLimit(limiter, [
        { limit: 'messagesPerUser', of: session.userId },
        { limit: 'messagesPerAddress', of: session.address },
      ]),
      log.readSendState(parties),
    );

    const finish = async (
      stored: StoredMessage,
      commit: Pick<Commit, 'conversation'>,
      early: Connection[],
    ) => {
      const { content } = request;
      const { conversation } = commit;
      await deliverNow(dependencies, { stored, content, conversation, from: session.connectionId, early });
      const message = viewMessage(stored, content, conversation, session.userId);
      return { type: 'message.sent', messageId: stored.messageId, message } as const;
    };

    let state = initial;
    for (let attempt = 1; ; attempt += 1) {
      // Step 2: a committed message stays confirmed, whatever has changed since; only then is the relationship asked.
      const duplicate = await findDuplicate(dependencies, request, state);
      if (duplicate && state.conversation)
        return { ...(await finish(duplicate, { conversation: state.conversation }, [])), duplicate: true };
      if (blocked) throw forbidden();
      const commit = await composeMessage(request, parties, state);

      // Step 3: the commit, and beside it its witness and the look-up of whom to tell.
      const [outcome, early] = await sideBySide(
        log.commit(commit, clock.now() + commitMs),
        lookUpEarly(dependencies, commit.conversation.members),
        leaveWitness(commit),
      );

      // Step 4: the pushes; nothing from here on can turn success into failure.
      if (outcome.committed) return finish(commit.message, commit, early);

      telemetry.count('SendLostRace');
      if (clock.now() >= deadline) throw new DependencyFailure('The conversation is too busy.');
      await backoff(attempt);
      state = outcome.state ?? (await log.readSendState(parties)).state;
    }
  };
}

interface Parties {
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
}

/** Access: one may write to another user, or into a conversation of one's own. */
function makeFindParties({ log }: Pick<SendDependencies, 'log'>) {
  return async (request: SendRequest, senderId: string): Promise<Parties> => {
    if (request.recipientId !== undefined) {
      const { recipientId } = request;
      if (recipientId === senderId)
        throw badRequest('"recipientId" is yourself.', 'Name the user that you write to.');
      return { conversationId: directConversationId(senderId, recipientId), senderId, recipientId };
    }
    const { conversationId = '' } = request;
    if (!isConversationId(conversationId)) throw notFound();
    const conversation = (await log.identities([conversationId])).get(conversationId);
    const recipientId = conversation && otherMember(conversation, senderId);
    if (recipientId === undefined) throw notFound();
    return { conversationId, senderId, recipientId };
  };
}

/** The message in the place after the last one, sealed, with its unique id. */
function makeComposeMessage({ cipher, clock, randomBytes }: SendDependencies) {
  return async (request: SendRequest, parties: Parties, state: SendState): Promise<Commit> => {
    const { conversationId, senderId, recipientId } = parties;
    const { clientMessageId, content } = request;
    const conversation = state.conversation ?? {
      conversationId,
      members: [senderId, recipientId] as const,
      keySalt: randomBytes(32),
    };
    const now = clock.now();
    const seq = (state.conversation?.lastSeq ?? 0) + 1;
    const place = {
      conversationId,
      seq,
      messageId: makeMessageId(now, randomBytes(16)),
      senderId,
      senderCount: (state.mailbox?.sentCount ?? 0) + 1,
      sentAt: Math.max(now, state.conversation?.lastMessageAt ?? 0),
      ...(clientMessageId !== undefined && { clientMessageId }),
    };
    return {
      message: { ...place, ciphertext: await cipher.seal(place, conversation.keySalt, content) },
      conversation,
      recipientId,
      recentSends: rememberSend(state.mailbox?.recentSends ?? noRecentSends, clientMessageId, seq),
    };
  };
}

/** It leaves beside the commit, not after it: whatever dies in between, somebody looks again later. */
function makeLeaveWitness({ queue, clock, telemetry }: SendDependencies) {
  return async ({ recipientId, message }: Commit): Promise<void> => {
    const { conversationId, seq, messageId } = message;
    const leaving = queue.leave({ recipientId, conversationId, seq, messageId });
    await withinTime(clock, witnessMs, leaving, (error) => {
      telemetry.error('no witness in the queue', error, { conversationId, seq });
      telemetry.count('WitnessFailed');
    });
  };
}
