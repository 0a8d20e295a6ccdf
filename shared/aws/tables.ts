import { type Attribute, bytes, count, flag, number, optional, pairOfTexts, text } from './attributes.ts';

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
  /** All of a row's attributes, its key included. `rows.ts` reads rows by them; others that a row has are passed over. */
  readonly attributes: Readonly<Record<string, Attribute<unknown>>>;
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

const none = /* @__PURE__ */ new Uint8Array(0);

/** Every table, declared once: the infrastructure, the local stack, the tests and the readers of rows have it from here. */
// Made by a function, so that a bundle whose function uses no table leaves them out.
export const tables = /* @__PURE__ */ (() =>
  ({
    conversations: {
      attributes: {
        conversationId: text(),
        members: pairOfTexts(),
        lastSeq: count(),
        lastMessageAt: number(),
        // A conversation is shredded by removing it.
        keySalt: bytes(none),
      },
      partitionKey: { name: 'conversationId', type: 'S' },
      holdsData: true,
      environmentVariable: 'CONVERSATIONS_TABLE',
    },
    messages: {
      attributes: {
        conversationId: text(),
        seq: count(),
        messageId: text(),
        senderId: text(),
        senderCount: count(),
        sentAt: number(),
        clientMessageId: optional(text()),
        ciphertext: bytes(),
      },
      partitionKey: { name: 'conversationId', type: 'S' },
      sortKey: { name: 'seq', type: 'N' },
      holdsData: true,
      environmentVariable: 'MESSAGES_TABLE',
    },
    mailboxes: {
      attributes: {
        userId: text(),
        conversationId: text(),
        lastSeq: count(),
        lastMessageAt: number(),
        activeHour: number(),
        // The positions are missing until they first move, and what tells of sends until the first one.
        deliveredSeq: count(0),
        readSeq: count(0),
        recentSends: bytes(none),
        sentCount: count(0),
        sentCountAtRead: count(0),
      },
      partitionKey: { name: 'userId', type: 'S' },
      sortKey: { name: 'conversationId', type: 'S' },
      index: { name: 'byActivity', sortKey: { name: 'activeHour', type: 'N' } },
      holdsData: true,
      environmentVariable: 'MAILBOXES_TABLE',
    },
    relationships: {
      attributes: {
        ownerId: text(),
        otherId: text(),
        blocked: flag(),
      },
      partitionKey: { name: 'ownerId', type: 'S' },
      sortKey: { name: 'otherId', type: 'S' },
      holdsData: true,
      environmentVariable: 'RELATIONSHIPS_TABLE',
    },
    connections: {
      attributes: {
        userId: text(),
        connectionId: text(),
        address: text(),
        connectedAt: number(),
        expiresAt: number(),
        ready: flag(),
        // Those of another life of the data, or of none, get no push.
        epoch: optional(text()),
        ttl: number(),
      },
      partitionKey: { name: 'userId', type: 'S' },
      sortKey: { name: 'connectionId', type: 'S' },
      timeToLive: 'ttl',
      holdsData: false,
      environmentVariable: 'CONNECTIONS_TABLE',
    },
    rateLimits: {
      attributes: {
        key: text(),
        tat: number(),
        lastRefund: optional(text()),
        ttl: number(),
      },
      partitionKey: { name: 'key', type: 'S' },
      timeToLive: 'ttl',
      holdsData: false,
      environmentVariable: 'RATE_LIMITS_TABLE',
    },
    dataKeys: {
      attributes: {
        keyId: text(),
        createdAt: number(),
        // The row of a key has this,
        wrappedKey: bytes(),
        // and the pointer to the current one this.
        dataKeyId: text(),
      },
      partitionKey: { name: 'keyId', type: 'S' },
      holdsData: true,
      environmentVariable: 'DATA_KEYS_TABLE',
    },
  }) as const satisfies Record<string, TableDefinition>)();

export type TableId = keyof typeof tables;
