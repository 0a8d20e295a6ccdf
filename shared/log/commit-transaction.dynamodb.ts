import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { assign, type KeyOf, type RowOf } from '#shared/aws/rows.ts';
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
  const previous = isFirst ? {} : { ':previousSeq': seq - 1 };
  const grown = { lastSeq: seq, lastMessageAt: sentAt };
  // The key of the index: the same for an hour, in which the index is not written and costs nothing.
  const grownMailbox = { ...grown, activeHour: hourOf(sentAt) };
  const { members, keySalt } = conversation;
  const head = assign<'conversations'>({ ...grown, ...(isFirst && { members, keySalt }) });
  const senderMailbox = assign<'mailboxes'>({
    ...grownMailbox,
    recentSends,
    sentCount: message.senderCount,
  });
  const recipientMailbox = assign<'mailboxes'>(grownMailbox);

  return {
    // The message's id is one of this very request: 36 characters, as many as a token may have.
    ClientRequestToken: message.messageId,
    TransactItems: [
      {
        Update: {
          TableName: tables.conversations,
          Key: { conversationId } satisfies KeyOf<'conversations'>,
          UpdateExpression: head.expression,
          ExpressionAttributeValues: { ...head.values, ...previous },
          ...nobodyCameBetween,
        },
      },
      {
        Put: {
          TableName: tables.messages,
          Item: { ...message } satisfies RowOf<'messages'>,
          // Where tables were restored to different moments, an entry may stand above the end.
          ConditionExpression: 'attribute_not_exists(conversationId)',
        },
      },
      {
        Update: {
          TableName: tables.mailboxes,
          Key: { userId: senderId, conversationId } satisfies KeyOf<'mailboxes'>,
          UpdateExpression: senderMailbox.expression,
          ExpressionAttributeValues: { ...senderMailbox.values, ...previous },
          ...nobodyCameBetween,
        },
      },
      {
        Update: {
          TableName: tables.mailboxes,
          Key: { userId: recipientId, conversationId } satisfies KeyOf<'mailboxes'>,
          UpdateExpression: recipientMailbox.expression,
          ExpressionAttributeValues: { ...recipientMailbox.values, ...previous },
          ...nobodyCameBetween,
        },
      },
    ],
  };
}
