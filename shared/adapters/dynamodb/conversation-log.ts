import { GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { type ConversationIdentity, isMember, otherMember } from '#shared/domain/conversation.ts';
import { DependencyFailure, OutcomeUnknown } from '#shared/domain/failures.ts';
import type { StoredMessage } from '#shared/domain/message.ts';
import type {
  Clock,
  Commit,
  CommitOutcome,
  ConversationLog,
  Random,
  SendState,
} from '#shared/use-cases/ports.ts';
import { makeBackoff } from '#shared/use-cases/waiting.ts';
import { errorName } from '../retry.ts';
import { batchGet, batchGetAll } from './batch-get.ts';
import { type LostRace, lostRace, mayHaveCommitted } from './cancellation.ts';
import { commitTransaction, type LogTables } from './commit-transaction.ts';
import type { DocumentClient } from './document-client.ts';
import { queryAll } from './query-all.ts';
import { type Row, toConversation, toMailbox, toMessage } from './rows.ts';

interface Options {
  readonly dynamodb: DocumentClient;
  /** For commits: a client without retries of its own, because a commit repeats itself and minds its deadline. */
  readonly transactions: DocumentClient;
  readonly tables: LogTables & { readonly relationships: string };
  readonly clock: Clock;
  readonly random: Random;
  /** Conversations whose members and salt it remembers, 10,000 unless told. */
  readonly rememberedIdentities?: number;
}

/** Members and key salt never change, but a deleted salt has to be forgotten: within the hour, as a data key is. */
const rememberedMs = 3_600_000;
/** How often rows that disagree are asked for again. */
const readAttempts = 6;
/** How often a committed message is asked for: the rows of one transaction become visible one by one. */
const visibleAttempts = 3;

/** The conversations' logs and mailboxes in DynamoDB. */
export function makeConversationLog(options: Options): ConversationLog {
  const { dynamodb, tables, clock, rememberedIdentities = 10_000 } = options;
  const backoff = makeBackoff(clock, options.random);
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
    for (let attempt = 1; attempt <= readAttempts; attempt += 1) {
      if (attempt > 1) await backoff(attempt);
      const keys = {
        [tables.conversations]: [{ conversationId }],
        [tables.mailboxes]: [{ userId: senderId, conversationId }],
        [tables.relationships]: [
          { ownerId: senderId, otherId: recipientId },
          { ownerId: recipientId, otherId: senderId },
        ],
      };
      const rows = await batchGet(dynamodb, keys, backoff);
      const [head] = rows[tables.conversations] ?? [];
      const [mailbox] = rows[tables.mailboxes] ?? [];
      // A batch is no snapshot: with a head that is ahead of the mailbox, the remembered sends would be out of date.
      if (head?.lastSeq !== mailbox?.lastSeq) continue;
      const blocked = (rows[tables.relationships] ?? []).some((row) => row.blocked === true);
      return { state: toSendState(head, mailbox), blocked };
    }
    throw new DependencyFailure('A conversation and its mailbox kept disagreeing.');
  };

  async function readOnce(conversationId: string, seq: number): Promise<StoredMessage | undefined> {
    const { Item } = await dynamodb.send(
      new GetCommand({ TableName: tables.messages, Key: { conversationId, seq }, ConsistentRead: true }),
    );
    return Item && toMessage(Item);
  }

  const message: ConversationLog['message'] = async (conversationId, seq) => {
    for (let attempt = 1; attempt <= visibleAttempts; attempt += 1) {
      if (attempt > 1) await backoff(attempt);
      const found = await readOnce(conversationId, seq);
      if (found) return found;
    }
    throw new DependencyFailure('A committed message is not visible.');
  };

  const settledMessage: ConversationLog['settledMessage'] = async ({ conversationId, members }, seq) => {
    const keys = {
      [tables.conversations]: [{ conversationId }],
      [tables.messages]: [{ conversationId, seq }],
      [tables.mailboxes]: members.map((userId) => ({ userId, conversationId })),
    };
    for (let attempt = 1; attempt <= visibleAttempts; attempt += 1) {
      if (attempt > 1) await backoff(attempt);
      const rows = await batchGet(dynamodb, keys, backoff);
      const [found] = rows[tables.messages] ?? [];
      const ends = [...(rows[tables.conversations] ?? []), ...(rows[tables.mailboxes] ?? [])];
      const grown = ends.filter(({ lastSeq }) => Number(lastSeq) >= seq);
      if (found && grown.length === 1 + members.length) return toMessage(found);
    }
    throw new DependencyFailure('A committed message is not visible to all.');
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
        await backoff(attempt);
        if (clock.now() >= deadline) throw new OutcomeUnknown(errorName(error), { cause: error });
      }
    }
  };

  const messages: ConversationLog['messages'] = async (conversationId, from, to) => {
    const rows = await queryAll(dynamodb, {
      TableName: tables.messages,
      KeyConditionExpression: 'conversationId = :conversationId AND seq BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':conversationId': conversationId, ':from': from, ':to': to },
      ConsistentRead: true,
    });
    return rows.map(toMessage);
  };

  const firstMessage: ConversationLog['firstMessage'] = async (conversationId, from) => {
    const { Items } = await dynamodb.send(
      new QueryCommand({
        TableName: tables.messages,
        KeyConditionExpression: 'conversationId = :conversationId AND seq >= :from',
        ExpressionAttributeValues: { ':conversationId': conversationId, ':from': from },
        ConsistentRead: true,
        Limit: 1,
      }),
    );
    const [row] = Items ?? [];
    return row && toMessage(row);
  };

  const identities: ConversationLog['identities'] = async (memberId, conversationIds) => {
    const found = new Map<string, ConversationIdentity>();
    const missing = new Set<string>();
    for (const id of conversationIds) {
      const known = identityCache.get(id);
      // Others' are read like those that do not exist, or the time of the answer would tell them apart.
      if (known && otherMember(known, memberId) !== undefined) found.set(id, known);
      else missing.add(id);
    }
    const keys = [...missing].map((conversationId) => ({ conversationId }));
    const rows = await batchGetAll(dynamodb, tables.conversations, keys, backoff);
    for (const { conversationId, members, keySalt } of rows.map(toConversation)) {
      const identity = { conversationId, members, keySalt };
      if (!isMember(identity, memberId)) continue;
      identityCache.set(conversationId, identity);
      found.set(conversationId, identity);
    }
    return found;
  };

  return { readSendState, commit, message, settledMessage, messages, firstMessage, identities };
}

/** Throws where the head's members are not those of its id: the pushes would go to whoever was put there. */
function toSendState(head: Row | undefined, senderMailbox: Row | undefined): SendState {
  const conversation = head && toConversation(head);
  const mailbox = senderMailbox && toMailbox(senderMailbox);
  if (conversation && mailbox && !isMember(conversation, mailbox.userId))
    throw new Error(`The members of conversation ${conversation.conversationId} were altered.`);
  return { conversation, mailbox };
}

/** The rows that a refusal returned, if they tell one consistent state. */
function toOutcome({ head, senderMailbox }: LostRace): CommitOutcome {
  const told = head !== undefined && head.lastSeq === senderMailbox?.lastSeq;
  return { committed: false, state: told ? toSendState(head, senderMailbox) : undefined };
}
