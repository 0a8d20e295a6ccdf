import { GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { batchGet, batchGetAll } from '#shared/aws/batch-get.ts';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import { queryAll } from '#shared/aws/query-all.ts';
import type { KeyOf } from '#shared/aws/rows.ts';
import {
  type Conversation,
  type ConversationIdentity,
  isMember,
  otherMember,
} from '#shared/log/conversation.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import type { Mailbox } from '#shared/mailboxes/mailbox.ts';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { DependencyFailure, OutcomeUnknown, RowsDisagree } from '#shared/runtime/failures.ts';
import { errorName, makeRetries, policies } from '#shared/runtime/retries.ts';
import { type LostRace, lostRace, mayHaveCommitted } from './cancellation.dynamodb.ts';
import { commitTransaction, type LogTables } from './commit-transaction.dynamodb.ts';
import type { Commit, CommitOutcome, ConversationLog, SendState } from './conversation-log.ts';
import {
  endsOfHeads,
  endsOfMailboxes,
  heads,
  identitiesOfHeads,
  messages as messageRows,
  outlineOf,
  relationships,
  wholeMailboxes,
} from './log-rows.dynamodb.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  /** For commits: a client without retries of its own, because a commit repeats itself and minds its deadline. */
  readonly transactions: DocumentClient;
  readonly tables: LogTables & { readonly relationships: string };
  readonly clock: Clock;
  readonly random: Random;
  /** Conversations whose members and salt it remembers, 10,000 by default. */
  readonly rememberedIdentities?: number | undefined;
}

/** Members and key salt never change, but a deleted salt has to be forgotten: within the hour, as a data key is. */
const rememberedMs = 3_600_000;

/** The conversations' logs and mailboxes in DynamoDB. */
export function makeConversationLog(options: Options): ConversationLog {
  const { dynamodb, tables, clock, rememberedIdentities = 10_000 } = options;
  const retries = makeRetries({ clock, random: options.random });
  const identityCache = new LRUCache<string, ConversationIdentity>({
    max: rememberedIdentities,
    ttl: rememberedMs,
    perf: clock,
    // Without it a time is taken for the present until a timer has fired, which a frozen function has none of.
    ttlResolution: 0,
  });

  const readSendState: ConversationLog['readSendState'] = async ({
    conversationId,
    senderId,
    recipientId,
  }) => {
    const keys = {
      [tables.conversations]: [{ conversationId } satisfies KeyOf<'conversations'>],
      [tables.mailboxes]: [{ userId: senderId, conversationId } satisfies KeyOf<'mailboxes'>],
      [tables.relationships]: [
        { ownerId: senderId, otherId: recipientId },
        { ownerId: recipientId, otherId: senderId },
      ] satisfies KeyOf<'relationships'>[],
    };
    const found = await retries.asking(policies.disagreeingRows, async () => {
      const rows = await batchGet(dynamodb, keys, retries);
      const [head] = heads.all(rows[tables.conversations] ?? []);
      const [mailbox] = wholeMailboxes.all(rows[tables.mailboxes] ?? []);
      // A batch is no snapshot: with a head that is ahead of the mailbox, the remembered sends would be out of date.
      if (head?.lastSeq !== mailbox?.lastSeq) return undefined;
      const blocked = relationships.all(rows[tables.relationships] ?? []).some((row) => row.blocked);
      return { state: toSendState(head, mailbox), blocked };
    });
    if (!found) throw new RowsDisagree('A conversation and its mailbox kept disagreeing.');
    return found;
  };

  async function readOnce(conversationId: string, seq: number): Promise<StoredMessage | undefined> {
    const Key = { conversationId, seq } satisfies KeyOf<'messages'>;
    const { Item } = await dynamodb.send(
      new GetCommand({ TableName: tables.messages, Key, ConsistentRead: true }),
    );
    return Item && messageRows.one(Item);
  }

  const message: ConversationLog['message'] = async (conversationId, seq) => {
    const found = await retries.asking(policies.committedMessage, () => readOnce(conversationId, seq));
    if (!found) throw new DependencyFailure('A committed message is not visible.');
    return found;
  };

  const settledMessage: ConversationLog['settledMessage'] = async ({ conversationId, members }, seq) => {
    const keys = {
      [tables.conversations]: [{ conversationId } satisfies KeyOf<'conversations'>],
      [tables.messages]: [{ conversationId, seq } satisfies KeyOf<'messages'>],
      [tables.mailboxes]: members.map((userId): KeyOf<'mailboxes'> => ({ userId, conversationId })),
    };
    const settled = await retries.asking(policies.committedMessage, async () => {
      const rows = await batchGet(dynamodb, keys, retries);
      const [found] = rows[tables.messages] ?? [];
      const ends = [
        ...endsOfHeads.all(rows[tables.conversations] ?? []),
        ...endsOfMailboxes.all(rows[tables.mailboxes] ?? []),
      ];
      const grown = ends.filter(({ lastSeq }) => lastSeq >= seq);
      return found && grown.length === 1 + members.length ? messageRows.one(found) : undefined;
    });
    if (!settled) throw new RowsDisagree('A committed message is not visible to all.');
    return settled;
  };

  /** After an unknown outcome: whether the message that has taken this place is the one we tried to put there. */
  async function isOurs({ message: { seq, messageId }, conversation }: Commit): Promise<boolean> {
    return (await settledMessage(conversation, seq)).messageId === messageId;
  }

  const commit: ConversationLog['commit'] = async (entry, deadline) => {
    // The token makes the repetition of a request that may have been carried out harmless, for ten minutes.
    const input = commitTransaction(tables, entry);
    let outcomeUnknown = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await options.transactions.send(new TransactWriteCommand(input));
        return { committed: true };
      } catch (error) {
        const lost = lostRace(error);
        // One that may still be under way is not undone by a cancelled repetition: it goes on until its place is taken.
        if (lost && (lost.placeTaken || !outcomeUnknown))
          return outcomeUnknown && (await isOurs(entry)) ? { committed: true } : toOutcome(lost);
        if (!lost && !mayHaveCommitted(error)) throw error;
        outcomeUnknown = true;
        await retries.pause(policies.commit, attempt);
        if (clock.now() >= deadline) throw new OutcomeUnknown(errorName(error), { cause: error });
      }
    }
  };

  const messages: ConversationLog['messages'] = async (conversationId, from, to, onUnfit) => {
    const rows = await queryAll(dynamodb, {
      TableName: tables.messages,
      KeyConditionExpression: 'conversationId = :conversationId AND seq BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':conversationId': conversationId, ':from': from, ':to': to },
      ConsistentRead: true,
    });
    return messageRows.all(rows, onUnfit && ((failure, row) => onUnfit({ failure, ...outlineOf(row) })));
  };

  const firstMessage: ConversationLog['firstMessage'] = async (conversationId, from) => {
    for (let next = from; ; ) {
      const { Items } = await dynamodb.send(
        new QueryCommand({
          TableName: tables.messages,
          KeyConditionExpression: 'conversationId = :conversationId AND seq >= :from',
          ExpressionAttributeValues: { ':conversationId': conversationId, ':from': next },
          ConsistentRead: true,
          Limit: 1,
        }),
      );
      const [row] = Items ?? [];
      if (!row) return undefined;
      const { seq, sentAt } = outlineOf(row);
      if (sentAt !== undefined) return { seq, sentAt };
      // It tells no time, and is told of where it is read itself.
      next = seq + 1;
    }
  };

  const identities: ConversationLog['identities'] = async (memberId, conversationIds, onUnfit) => {
    const found = new Map<string, ConversationIdentity>();
    const missing = new Set<string>();
    for (const id of conversationIds) {
      const known = identityCache.get(id);
      // Others' are read like those that do not exist, or the time of the answer would tell them apart.
      if (known && otherMember(known, memberId) !== undefined) found.set(id, known);
      else missing.add(id);
    }
    const keys = [...missing].map((conversationId): KeyOf<'conversations'> => ({ conversationId }));
    const rows = await batchGetAll(dynamodb, tables.conversations, keys, retries);
    for (const identity of identitiesOfHeads.all(rows, onUnfit)) {
      if (!isMember(identity, memberId)) continue;
      identityCache.set(identity.conversationId, identity);
      found.set(identity.conversationId, identity);
    }
    return found;
  };

  return { readSendState, commit, message, settledMessage, messages, firstMessage, identities };
}

/** Throws where the head's members are not those of its id: the pushes would go to whoever was put there. */
function toSendState(conversation: Conversation | undefined, mailbox: Mailbox | undefined): SendState {
  if (conversation && mailbox && !isMember(conversation, mailbox.userId))
    throw new Error(`The members of conversation ${conversation.conversationId} were altered.`);
  return { conversation, mailbox };
}

/** The rows that a refusal returned, if they tell one consistent state. */
function toOutcome({ head, senderMailbox }: LostRace): CommitOutcome {
  const undecided = { committed: false, state: undefined } as const;
  if (!head || !senderMailbox) return undecided;
  if (endsOfHeads.one(head).lastSeq !== endsOfMailboxes.one(senderMailbox).lastSeq) return undecided;
  return { committed: false, state: toSendState(heads.one(head), wholeMailboxes.one(senderMailbox)) };
}
