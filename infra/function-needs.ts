import type { TableId } from '#shared/adapters/dynamodb/tables.ts';

type TableAction = 'GetItem' | 'BatchGetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'DeleteItem';

/** What one function may do and how large it is. Whatever is not named here, it may not. */
export interface FunctionNeeds {
  /** Lambda gives CPU in proportion: 1,769 MB is one core. */
  readonly memoryMegabytes: number;
  /** Below API Gateway's 29 s, so that our own answer comes before its "Internal server error". */
  readonly timeoutSeconds: number;
  /** A transaction needs the actions of its items; there is none of its own. */
  readonly tables?: { readonly [id in TableId]?: readonly TableAction[] };
  readonly contentKey?: readonly ('GenerateDataKey' | 'Decrypt')[];
  /** Calls on live connections: POST pushes a frame, DELETE closes. */
  readonly connections?: readonly ('POST' | 'DELETE')[];
  readonly verifiesTokens?: boolean;
  readonly usesCache?: boolean;
  readonly queuesDelivery?: boolean;
  readonly publishesNotifications?: boolean;
}

const readsMessages = {
  tables: { messages: ['GetItem', 'Query'], dataKeys: ['GetItem'] },
  contentKey: ['Decrypt'],
  usesCache: true,
} as const satisfies Partial<FunctionNeeds>;

export const functionNeeds = {
  authorize: { memoryMegabytes: 512, timeoutSeconds: 10, verifiesTokens: true },
  connect: {
    memoryMegabytes: 512,
    timeoutSeconds: 10,
    tables: { connections: ['PutItem', 'Query', 'DeleteItem'], rateLimits: ['UpdateItem'] },
    connections: ['DELETE'],
  },
  disconnect: { memoryMegabytes: 512, timeoutSeconds: 10, tables: { connections: ['DeleteItem'] } },
  send: {
    ...readsMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      conversations: ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'],
      mailboxes: ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'],
      relationships: ['GetItem', 'BatchGetItem'],
      messages: ['GetItem', 'Query', 'PutItem'],
      connections: ['Query', 'DeleteItem'],
      rateLimits: ['UpdateItem'],
      dataKeys: ['GetItem', 'PutItem', 'UpdateItem'],
    },
    contentKey: ['GenerateDataKey', 'Decrypt'],
    connections: ['POST', 'DELETE'],
    queuesDelivery: true,
  },
  reconnect: {
    ...readsMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      ...readsMessages.tables,
      connections: ['UpdateItem', 'Query', 'DeleteItem'],
      mailboxes: ['Query', 'GetItem'],
      conversations: ['GetItem', 'BatchGetItem'],
      rateLimits: ['UpdateItem'],
    },
    connections: ['POST', 'DELETE'],
  },
  sync: {
    ...readsMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      ...readsMessages.tables,
      mailboxes: ['GetItem', 'UpdateItem', 'Query'],
      conversations: ['GetItem', 'BatchGetItem'],
      relationships: ['PutItem', 'UpdateItem', 'DeleteItem'],
      connections: ['Query', 'DeleteItem'],
      rateLimits: ['UpdateItem'],
    },
    connections: ['POST', 'DELETE'],
  },
  fallback: { memoryMegabytes: 512, timeoutSeconds: 10, connections: ['POST', 'DELETE'] },
  deliver: {
    ...readsMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 30,
    tables: {
      ...readsMessages.tables,
      mailboxes: ['GetItem'],
      conversations: ['GetItem', 'BatchGetItem'],
      connections: ['Query', 'DeleteItem'],
    },
    connections: ['POST', 'DELETE'],
    publishesNotifications: true,
  },
} as const satisfies Record<string, FunctionNeeds>;

export type FunctionName = keyof typeof functionNeeds;
