/** Where the guards stand. A file that moves is named anew here and nowhere else. */
export const sources = {
  batchGet: 'shared/aws/batch-get.ts',
  commitTransaction: 'shared/log/commit-transaction.dynamodb.ts',
  conversationLog: 'shared/log/conversation-log.dynamodb.ts',
  dataKeyStore: 'shared/keys/data-key-store.kms.ts',
  deliverLater: 'shared/delivery/deliver-later.ts',
  deliverNow: 'shared/delivery/deliver-now.ts',
  drainConversations: 'shared/resume/drain-conversations.ts',
  drainPages: 'shared/resume/drain-pages.ts',
  mailboxes: 'shared/mailboxes/mailboxes.dynamodb.ts',
  managementApi: 'shared/connections/gateway.apigateway.ts',
  messageCipher: 'shared/keys/message-cipher.aes.ts',
  messageView: 'shared/log/message-view.ts',
  push: 'shared/delivery/push.ts',
  queryAll: 'shared/aws/query-all.ts',
  readMessages: 'shared/reading/read-messages.ts',
  sendMessage: 'shared/log/send-message.ts',
} as const;
