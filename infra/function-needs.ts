import type { TableId } from '#shared/aws/tables.ts';

type TableAction = 'GetItem' | 'BatchGetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'DeleteItem';
/** `Query index` is a Query of the table's index, which IAM knows as a resource of its own. */
type TableNeed = TableAction | 'Query index';

/** What one function may do and how large it is. Whatever is not named here, it may not. */
export interface FunctionNeeds {
  /** Lambda gives CPU in proportion: 1,769 MB is one core. */
  readonly memoryMegabytes: number;
  /**
   * Where API Gateway waits for the answer, below its 29 s, so that ours comes before its "Internal server error". For
   * `deliver` the queue waits, and its visibility time-out follows from this.
   */
  readonly timeoutSeconds: number;
  /** A transaction needs the actions of its items; there is none of its own. */
  readonly tables?: { readonly [id in TableId]?: readonly TableNeed[] };
  readonly contentKey?: readonly ('GenerateDataKey' | 'Decrypt')[];
  /** Calls on live connections: POST pushes a frame, DELETE closes. */
  readonly connections?: readonly ('POST' | 'DELETE')[];
  readonly verifiesTokens?: boolean;
  readonly usesCache?: boolean;
  readonly queuesDelivery?: boolean;
  readonly publishesNotifications?: boolean;
}

/** Frames get answers, and a connection whose token has expired is closed. */
const answersFrames = { connections: ['POST', 'DELETE'] } as const;
/** Opens what is sealed, with data keys of any age. */
const opensMessages = { contentKey: ['Decrypt'] } as const;

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
    ...answersFrames,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      conversations: ['BatchGetItem', 'UpdateItem'],
      mailboxes: ['BatchGetItem', 'UpdateItem'],
      relationships: ['BatchGetItem'],
      messages: ['BatchGetItem', 'PutItem'],
      connections: ['Query', 'DeleteItem'],
      rateLimits: ['UpdateItem'],
      dataKeys: ['GetItem', 'PutItem'],
    },
    contentKey: ['GenerateDataKey', 'Decrypt'],
    usesCache: true,
    queuesDelivery: true,
  },
  reconnect: {
    ...answersFrames,
    ...opensMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      connections: ['UpdateItem'],
      mailboxes: ['Query'],
      conversations: ['BatchGetItem'],
      messages: ['Query'],
      rateLimits: ['UpdateItem'],
      dataKeys: ['GetItem'],
    },
    usesCache: true,
  },
  sync: {
    ...answersFrames,
    ...opensMessages,
    memoryMegabytes: 1024,
    timeoutSeconds: 25,
    tables: {
      mailboxes: ['GetItem', 'BatchGetItem', 'UpdateItem', 'Query', 'Query index'],
      conversations: ['BatchGetItem'],
      messages: ['GetItem', 'Query'],
      relationships: ['PutItem', 'DeleteItem'],
      connections: ['Query', 'DeleteItem'],
      rateLimits: ['UpdateItem'],
      dataKeys: ['GetItem'],
    },
    usesCache: true,
  },
  fallback: { ...answersFrames, memoryMegabytes: 512, timeoutSeconds: 10 },
  deliver: {
    ...opensMessages,
    memoryMegabytes: 512,
    timeoutSeconds: 30,
    tables: {
      mailboxes: ['GetItem'],
      messages: ['GetItem'],
      conversations: ['BatchGetItem'],
      connections: ['Query', 'DeleteItem'],
      dataKeys: ['GetItem'],
    },
    connections: ['POST'],
    publishesNotifications: true,
  },
} as const satisfies Record<string, FunctionNeeds>;

export type FunctionName = keyof typeof functionNeeds;
