/** Where the guards stand. A file that moves is named anew here and nowhere else. */
export const sources = {
  batchGet: 'shared/adapters/dynamodb/batch-get.ts',
  commitTransaction: 'shared/adapters/dynamodb/commit-transaction.ts',
  conversationLog: 'shared/adapters/dynamodb/conversation-log.ts',
  dataKeyStore: 'shared/adapters/kms/data-key-store.ts',
  deliverLater: 'shared/use-cases/deliver-later.ts',
  deliverNow: 'shared/use-cases/deliver-now.ts',
  drainConversations: 'shared/use-cases/drain-conversations.ts',
  drainPages: 'shared/use-cases/drain-pages.ts',
  mailboxes: 'shared/adapters/dynamodb/mailboxes.ts',
  managementApi: 'shared/adapters/connections/management-api.ts',
  messageCipher: 'shared/adapters/kms/message-cipher.ts',
  messageView: 'shared/use-cases/message-view.ts',
  push: 'shared/use-cases/push.ts',
  queryAll: 'shared/adapters/dynamodb/query-all.ts',
  readMessages: 'shared/use-cases/read-messages.ts',
  sendMessage: 'shared/use-cases/send-message.ts',
} as const;
