import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { hourOf } from '#shared/mailboxes/mailbox.ts';
import type { Commit } from './conversation-log.ts';

export interface LogTables {
  readonly conversations: string;
  readonly messages: string;
  readonly mailboxes: string;
}

/** Where each row stands in the transaction, and so in its cancellation reasons. */
export const place = { head: 0, message: 1, senderMailbox: 2, recipientMailbox: 3 } as const;

/**
 * Everything that one send writes. Head and mailboxes carry the same condition, so that commit order is log order,
 * and a refusal returns their rows, so that a lost race needs no read.
 */
export function commitTransaction(tables: LogTables, commit: Commit): TransactWriteCommandInput {
  const { message, conversation, recipientId, recentSends } = commit;
  const { conversationId, seq, senderId, sentAt } = message;
  const isFirst = seq === 1;
  const nobodyCameBetween = {
    ConditionExpression: isFirst ? 'attribute_not_exists(lastSeq)' : 'lastSeq = :previousSeq',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const;
  const grown = {
    ':lastSeq': seq,
    ':lastMessageAt': sentAt,
    ...(!isFirst && { ':previousSeq': seq - 1 }),
  };
  const grow = 'SET lastSeq = :lastSeq, lastMessageAt = :lastMessageAt';
  // The key of the index: the same for an hour, in which the index is not written and costs nothing.
  const growMailbox = `${grow}, activeHour = :activeHour`;
  const mailboxGrown = { ...grown, ':activeHour': hourOf(sentAt) };

  return {
    // The message's id is one of this very request: 36 characters, as many as a token may have.
    ClientRequestToken: message.messageId,
    TransactItems: [
      {
        Update: {
          TableName: tables.conversations,
          Key: { conversationId },
          UpdateExpression: isFirst ? `${grow}, members = :members, keySalt = :keySalt` : grow,
          ExpressionAttributeValues: {
            ...grown,
            ...(isFirst && { ':members': conversation.members, ':keySalt': conversation.keySalt }),
          },
          ...nobodyCameBetween,
        },
      },
      { Put: { TableName: tables.messages, Item: { ...message } } },
      {
        Update: {
          TableName: tables.mailboxes,
          Key: { userId: senderId, conversationId },
          UpdateExpression: `${growMailbox}, recentSends = :recentSends, sentCount = :sentCount`,
          ExpressionAttributeValues: {
            ...mailboxGrown,
            ':recentSends': recentSends,
            ':sentCount': message.senderCount,
          },
          ...nobodyCameBetween,
        },
      },
      {
        Update: {
          TableName: tables.mailboxes,
          Key: { userId: recipientId, conversationId },
          UpdateExpression: growMailbox,
          ExpressionAttributeValues: mailboxGrown,
          ...nobodyCameBetween,
        },
      },
    ],
  };
}
