import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { Connection } from '#shared/connections/connections.ts';
import { type DeliverNowDependencies, deliverNow, lookUpEarly } from '#shared/delivery/deliver-now.ts';
import type { DeliveryQueue } from '#shared/delivery/delivery-queue.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { forbidden, notFound, withinLimits } from '#shared/limits/refusals.ts';
import { directConversationId, isConversationId, otherMember } from '#shared/log/conversation.ts';
import { noRecentSends, rememberSend } from '#shared/log/recent-sends.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Call } from '#shared/runtime/call.ts';
import type { Random, RandomBytes } from '#shared/runtime/clock.ts';
import { DependencyFailure, RowsDisagree } from '#shared/runtime/failures.ts';
import { makeRetries, policies } from '#shared/runtime/retries.ts';
import { sideBySide, withinTime } from '#shared/runtime/waiting.ts';
import type { Commit, ConversationLog, SendState } from './conversation-log.ts';
import { type FindDuplicateDependencies, findDuplicate } from './find-duplicate.ts';
import type { MakeMessageId } from './message-id.ts';
import { viewMessage } from './message-view.ts';
import type { RepairConversation } from './repair-conversation.ts';

export interface SendDependencies extends DeliverNowDependencies, FindDuplicateDependencies {
  readonly limiter: RateLimiter;
  readonly queue: DeliveryQueue;
  readonly random: Random;
  readonly randomBytes: RandomBytes;
  readonly makeMessageId: MakeMessageId;
  readonly repair: RepairConversation;
}

type SentReply = ReplyTo<'send'>;
export type SendMessage = (request: Requests['send'], call: Call) => Promise<SentReply>;

const witnessMs = 1_500;

/**
 * The delivery flow: limits and state side by side, the decision, one transaction, the pushes. Throws a
 * `ProtocolError` with what the client is to be told, or a `DependencyFailure`.
 */
export function makeSendMessage(dependencies: SendDependencies): SendMessage {
  const { limiter, clock, random, telemetry, log } = dependencies;
  const retries = makeRetries({ clock, random });

  return async (request, { actor, connectionId: from, charges }) => {
    const deadline = clock.now() + policies.lostRace.withinMs;

    // Step 1: may this user and this address send now, and what does the send continue?
    const {
      parties,
      state: initial,
      blocked,
    } = await withinLimits(limiter, charges, () => readWhatItContinues(dependencies, request, actor.userId));

    let state = initial;
    let standstills = 0;
    for (let attempt = 1; ; attempt += 1) {
      // Step 2: a committed message stays confirmed, whatever has changed since; only then is the relationship asked.
      const duplicate = await whole(dependencies, parties, async (isRepaired) => {
        if (isRepaired) ({ state } = await log.readSendState(parties));
        return await findDuplicate(dependencies, request, state);
      });
      if (duplicate) return { ...(await tellAll(duplicate, [])), duplicate: true };
      if (blocked) throw forbidden();
      const commit = await composeMessage(dependencies, request, parties, state);

      const { conversationId, seq } = commit.message;
      telemetry.about({ conversationId, seq });

      // Step 3: the commit, and beside it its witness and the look-up of whom to tell.
      const [outcome, early] = await sideBySide(
        log.commit(commit, Math.min(deadline, clock.now() + policies.commit.withinMs)),
        lookUpEarly(dependencies, commit.conversation.members),
        leaveWitness(dependencies, commit),
      );

      // Step 4: the pushes; nothing from here on can turn success into failure.
      if (outcome.committed) return tellAll(commit, early);

      telemetry.count('SendLostRace');
      if (clock.now() >= deadline) throw new DependencyFailure('The conversation is too busy.');
      await retries.pause(policies.lostRace, attempt);
      state = outcome.state ?? (await readState(dependencies, parties)).state;
      // Whoever won has moved the end. Where nobody has, again and again, the rows disagree for good.
      standstills = endOf(state) >= seq ? 0 : standstills + 1;
      if (standstills < policies.disagreeingRows.attempts) continue;
      await repairRows(dependencies, parties);
      ({ state } = await log.readSendState(parties));
      standstills = 0;
    }

    async function tellAll(
      { message: stored, conversation }: Pick<Commit, 'message' | 'conversation'>,
      early: readonly Connection[],
    ): Promise<SentReply> {
      const { content } = request;
      await deliverNow(dependencies, { stored, content, conversation, from, early });
      const message = viewMessage(stored, content, conversation, actor.userId);
      return { type: 'message.sent', messageId: stored.messageId, message };
    }
  };
}

interface Parties {
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
}

async function readWhatItContinues(
  dependencies: SendDependencies,
  request: Requests['send'],
  senderId: string,
) {
  const parties = await findParties(dependencies.log, request, senderId);
  return { parties, ...(await readState(dependencies, parties)) };
}

const endOf = ({ conversation }: SendState): number => conversation?.lastSeq ?? 0;

const readState = (dependencies: SendDependencies, parties: Parties) =>
  whole(dependencies, parties, () => dependencies.log.readSendState(parties));

/** What `work` resolves to; where it keeps meeting rows that disagree, once more after they were repaired. */
async function whole<T>(
  dependencies: SendDependencies,
  parties: Parties,
  work: (isRepaired: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await work(false);
  } catch (error) {
    if (!(error instanceof RowsDisagree)) throw error;
    await repairRows(dependencies, parties);
    return await work(true);
  }
}

/** After a restore. Somebody may have read up to where any of the rows ends, so that none goes back. */
async function repairRows(
  { repair }: SendDependencies,
  { conversationId, senderId, recipientId }: Parties,
): Promise<void> {
  await repair(conversationId, { members: [senderId, recipientId], mayGoBack: false });
}

/** Access: one may write to another user, or into a conversation of one's own. */
async function findParties(
  log: ConversationLog,
  request: Requests['send'],
  senderId: string,
): Promise<Parties> {
  const { recipientId, conversationId = '' } = request;
  if (recipientId === senderId)
    throw badRequest('"recipientId" is yourself.', 'Name the user that you write to.');
  if (recipientId !== undefined)
    return { conversationId: directConversationId(senderId, recipientId), senderId, recipientId };
  if (!isConversationId(conversationId)) throw notFound();
  const conversation = (await log.identities(senderId, [conversationId])).get(conversationId);
  const other = conversation && otherMember(conversation, senderId);
  if (other === undefined) throw notFound();
  return { conversationId, senderId, recipientId: other };
}

/** The message in the place after the last one, sealed, with its unique id. */
async function composeMessage(
  { cipher, clock, randomBytes, makeMessageId }: SendDependencies,
  { clientMessageId, content }: Requests['send'],
  { conversationId, senderId, recipientId }: Parties,
  { conversation, mailbox }: SendState,
): Promise<Commit> {
  const { members, keySalt } = conversation ?? {
    members: [senderId, recipientId] as const,
    keySalt: randomBytes(32),
  };
  const now = clock.now();
  const seq = (conversation?.lastSeq ?? 0) + 1;
  const place = {
    conversationId,
    seq,
    messageId: makeMessageId(now),
    senderId,
    senderCount: (mailbox?.sentCount ?? 0) + 1,
    sentAt: Math.max(now, conversation?.lastMessageAt ?? 0),
    ...(clientMessageId !== undefined && { clientMessageId }),
  };
  return {
    message: { ...place, ciphertext: await cipher.seal(place, keySalt, content) },
    conversation: { conversationId, members, keySalt },
    recipientId,
    recentSends: rememberSend(mailbox?.recentSends ?? noRecentSends, clientMessageId, seq),
  };
}

/** It leaves beside the commit, not after it: whatever dies in between, somebody looks again later. */
async function leaveWitness(
  { queue, clock, telemetry }: SendDependencies,
  { recipientId, message }: Commit,
): Promise<void> {
  const { conversationId, seq, messageId } = message;
  const leaving = queue.leave({ recipientId, conversationId, seq, messageId });
  await withinTime(clock, witnessMs, leaving, (error) => {
    telemetry.error('no witness in the queue', error, { conversationId, seq });
    telemetry.count('WitnessFailed');
  });
}
