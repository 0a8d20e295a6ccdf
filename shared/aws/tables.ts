type KeyType = 'S' | 'N' | 'B';

interface KeyDefinition {
  readonly name: string;
  readonly type: KeyType;
}

/**
 * Another order of the rows of one partition key, which holds keys alone: a local secondary index, whose reads are
 * consistent. It is made with its table and stays as long as that does.
 */
export interface IndexDefinition {
  readonly name: string;
  readonly sortKey: KeyDefinition;
}

export interface TableDefinition {
  readonly partitionKey: KeyDefinition;
  readonly sortKey?: KeyDefinition;
  readonly index?: IndexDefinition;
  /** The attribute with an expiry in epoch seconds. DynamoDB deletes up to 48 h late, so readers filter by time as well. */
  readonly timeToLive?: string;
  /** Whether losing it would lose somebody's data: such a table is retained, protected and has point-in-time recovery. */
  readonly holdsData: boolean;
  /** The environment variable through which functions learn the table's name. */
  readonly environmentVariable: string;
}

/** Every table, declared once: the infrastructure, the local stack and the tests make them from here. */
export const tables = {
  conversations: {
    partitionKey: { name: 'conversationId', type: 'S' },
    holdsData: true,
    environmentVariable: 'CONVERSATIONS_TABLE',
  },
  messages: {
    partitionKey: { name: 'conversationId', type: 'S' },
    sortKey: { name: 'seq', type: 'N' },
    holdsData: true,
    environmentVariable: 'MESSAGES_TABLE',
  },
  mailboxes: {
    partitionKey: { name: 'userId', type: 'S' },
    sortKey: { name: 'conversationId', type: 'S' },
    index: { name: 'byActivity', sortKey: { name: 'activeHour', type: 'N' } },
    holdsData: true,
    environmentVariable: 'MAILBOXES_TABLE',
  },
  relationships: {
    partitionKey: { name: 'ownerId', type: 'S' },
    sortKey: { name: 'otherId', type: 'S' },
    holdsData: true,
    environmentVariable: 'RELATIONSHIPS_TABLE',
  },
  connections: {
    partitionKey: { name: 'userId', type: 'S' },
    sortKey: { name: 'connectionId', type: 'S' },
    timeToLive: 'ttl',
    holdsData: false,
    environmentVariable: 'CONNECTIONS_TABLE',
  },
  rateLimits: {
    partitionKey: { name: 'key', type: 'S' },
    timeToLive: 'ttl',
    holdsData: false,
    environmentVariable: 'RATE_LIMITS_TABLE',
  },
  dataKeys: {
    partitionKey: { name: 'keyId', type: 'S' },
    holdsData: true,
    environmentVariable: 'DATA_KEYS_TABLE',
  },
} as const satisfies Record<string, TableDefinition>;

export type TableId = keyof typeof tables;
