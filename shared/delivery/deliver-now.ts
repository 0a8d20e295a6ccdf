import type { MessageCache } from '#shared/cache/message-cache.ts';
import type { Connection } from '#shared/connections/connections.ts';
import type { ConversationIdentity } from '#shared/log/conversation.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { viewMessage } from '#shared/log/message-view.ts';
import { pushFrame } from '#shared/protocol/replies.ts';
import { passOver } from '#shared/runtime/telemetry.ts';
import { sideBySide, withinTime } from '#shared/runtime/waiting.ts';
import { isOpen, type PushDependencies, pushTo } from './push.ts';

export interface DeliverNowDependencies extends PushDependencies {
  /** Fastest first: this environment's memory, then the cache if there is one. */
  readonly tiers: readonly MessageCache[];
}

export interface Delivery {
  readonly stored: StoredMessage;
  readonly content: string;
  readonly conversation: ConversationIdentity;
  /** The connection that the message came over, if any: it gets the confirmation instead. */
  readonly from: string | undefined;
  /** When the frame came that made the message, in milliseconds since the epoch. */
  readonly since: number;
  /** Connections that were looked up beside the commit. */
  readonly early: readonly Connection[];
}

/** For all that follows a commit. */
const afterCommitMs = 1_500;

/** Connections of both members as the eventually consistent read has them: those that can be pushed to at once. */
export async function lookUpEarly(
  { connections, telemetry }: PushDependencies,
  members: readonly string[],
): Promise<Connection[]> {
  try {
    const skip = passOver(telemetry);
    return (await sideBySide(...members.map((member) => connections.of(member, 'eventual', skip)))).flat();
  } catch (error) {
    telemetry.error('early look-up failed', error);
    return [];
  }
}

/**
 * New Message to every live connection of both members but the sender's own, and the message into the tiers. The
 * consistent look-up comes after the commit, and `reconnect` reads its mailboxes after its row was written, so at
 * least one of the two sees the other. Never throws: a push is a hint, the mailbox is the truth.
 */
export async function deliverNow(dependencies: DeliverNowDependencies, delivery: Delivery): Promise<void> {
  const { connections, tiers, clock, telemetry } = dependencies;
  const { stored, conversation, from, since, early } = delivery;
  const skip = passOver(telemetry);
  const told = new Set([from]);
  // Two views at most, whoever is told and whenever: the sender's own devices see the clientMessageId.
  const [ownFrame, othersFrame] = [makeFrame(delivery, stored.senderId), makeFrame(delivery, undefined)];

  const tell = async (found: readonly Connection[]): Promise<void> => {
    // One that is not open yet may be by the later look-up, and is still to be told then.
    const untold = found.filter((one) => isOpen(one, dependencies) && !told.has(one.connectionId));
    for (const { connectionId } of untold) told.add(connectionId);
    const isOwn = ({ userId }: Connection) => userId === stored.senderId;
    const [, others] = await Promise.all([
      pushTo(dependencies, untold.filter(isOwn), ownFrame),
      pushTo(
        dependencies,
        untold.filter((one) => !isOwn(one)),
        othersFrame,
      ),
    ]);
    if (others.taken > 0) telemetry.time('FrameToPush', clock.now() - since);
  };

  await withinTime(
    clock,
    afterCommitMs,
    sideBySide(
      tell(early),
      ...conversation.members.map(async (member) => tell(await connections.of(member, 'strong', skip))),
      ...tiers.map((tier) => tier.put(stored)),
    ),
    (error) => {
      telemetry.error('delivery after the commit failed', error, { messageId: stored.messageId });
      telemetry.count('DeliverNowFailed');
    },
  );
}

/** The frame as `viewerId`, or anybody else, gets it; made when somebody does, and once. */
function makeFrame({ stored, content, conversation }: Delivery, viewerId: string | undefined): () => string {
  let made: string | undefined;
  return () => {
    if (made !== undefined) return made;
    const { messageId } = stored;
    const message = viewMessage(stored, content, conversation, viewerId);
    made = pushFrame({ type: 'message.new', messageId, message });
    return made;
  };
}
