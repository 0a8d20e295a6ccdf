import { actions, type TableUse, type Touches } from '#shared/actions.ts';
import { tables as everyTable, type TableId } from '#shared/aws/tables.ts';

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
  readonly tables?: { readonly [id in TableId]?: readonly TableUse[] };
  readonly contentKey?: Touches['contentKey'];
  /** Calls on live connections: POST pushes a frame, DELETE closes. */
  readonly connections?: readonly ('POST' | 'DELETE')[];
  readonly verifiesTokens?: boolean;
  readonly usesCache?: boolean;
  readonly queuesDelivery?: boolean;
  readonly publishesNotifications?: boolean;
}

/** Frames get answers, and a connection whose token has expired is closed. */
const answersFrames = { connections: ['POST', 'DELETE'] } as const;

const isTableId = (id: string): id is TableId => Object.hasOwn(everyTable, id);
const tableIds = Object.keys(everyTable).filter(isTableId);

/** What the actions of a function touch, all of them together. */
function servesActions(name: string): Omit<FunctionNeeds, 'memoryMegabytes' | 'timeoutSeconds'> {
  const touched = Object.values(actions)
    .filter((row) => row.function === name)
    .map(({ touches }) => touches);
  const tables = Object.fromEntries(
    tableIds.flatMap((id) => {
      const uses = new Set(touched.flatMap((touches) => touches.tables?.[id] ?? []));
      return uses.size > 0 ? [[id, [...uses]]] : [];
    }),
  );
  const contentKey = [...new Set(touched.flatMap((touches) => touches.contentKey ?? []))];
  return {
    ...answersFrames,
    tables,
    ...(contentKey.length > 0 && { contentKey }),
    usesCache: touched.some(({ cache }) => cache),
    queuesDelivery: touched.some(({ deliveryQueue }) => deliveryQueue),
  };
}

export const functionNeeds = {
  authorize: { memoryMegabytes: 512, timeoutSeconds: 10, verifiesTokens: true },
  connect: {
    memoryMegabytes: 512,
    timeoutSeconds: 10,
    tables: { connections: ['PutItem', 'Query', 'DeleteItem'], rateLimits: ['UpdateItem'] },
    connections: ['DELETE'],
  },
  disconnect: { memoryMegabytes: 512, timeoutSeconds: 10, tables: { connections: ['DeleteItem'] } },
  send: { ...servesActions('send'), memoryMegabytes: 1024, timeoutSeconds: 25 },
  reconnect: { ...servesActions('reconnect'), memoryMegabytes: 1024, timeoutSeconds: 25 },
  sync: { ...servesActions('sync'), memoryMegabytes: 1024, timeoutSeconds: 25 },
  fallback: {
    ...answersFrames,
    memoryMegabytes: 512,
    timeoutSeconds: 10,
    // A malformed frame is charged to its user.
    tables: { rateLimits: ['UpdateItem'] },
  },
  deliver: {
    memoryMegabytes: 512,
    timeoutSeconds: 30,
    tables: {
      mailboxes: ['GetItem'],
      messages: ['GetItem'],
      conversations: ['BatchGetItem'],
      connections: ['Query', 'DeleteItem'],
      dataKeys: ['GetItem'],
    },
    contentKey: ['Decrypt'],
    // DELETE ends a connection that does not read.
    connections: ['POST', 'DELETE'],
    // A look that has posted leaves another one.
    queuesDelivery: true,
    publishesNotifications: true,
  },
} as const satisfies Record<string, FunctionNeeds>;

export type FunctionName = keyof typeof functionNeeds;
