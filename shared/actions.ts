import type { TableId } from './aws/tables.ts';
import { requestCost } from './limits/rate-limits.ts';
import * as field from './protocol/fields.ts';
import { badRequest } from './protocol/fields.ts';
import { limits } from './protocol/limits.ts';
import type { Reply } from './protocol/replies.ts';
import { type Shape, shape } from './protocol/shape.ts';

/** What may be done to the rows of a table. `Query index` is a Query of its index, which IAM knows by itself. */
export type TableUse =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'Query index'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem';

/** What an action reaches outside of its function. Answers, and the end of an expired connection, are not listed. */
export interface Touches {
  /** A transaction needs the uses of its items; there is none of its own. */
  readonly tables?: { readonly [id in TableId]?: readonly TableUse[] };
  /** Which calls to KMS: to make data keys, and to unwrap those of any age. */
  readonly contentKey?: readonly ('GenerateDataKey' | 'Decrypt')[];
  readonly cache?: boolean;
  readonly deliveryQueue?: boolean;
}

export interface Row<Request, F extends string, R extends Reply['type']> {
  /** What a frame may hold. */
  readonly request: Shape<Request>;
  /** The type of the frame that ends it well. */
  readonly reply: R;
  /** The file of `functions/` that the route named like the action leads to. */
  readonly function: F;
  /** Whether the reply travels back as the route's response, or is posted by the use case itself. */
  readonly answers: 'respond' | 'post';
  /** What it takes: a message, or units of requests. */
  readonly charge: 'message' | ((request: Request) => number);
  readonly touches: Touches;
}

/** Infers the row's types, the request's from its shape alone. */
function row<Request, const F extends string, const R extends Reply['type']>(
  request: Shape<Request>,
  rest: Omit<Row<NoInfer<Request>, F, R>, 'request'>,
): Row<Request, F, R> {
  return { ...rest, request };
}

const rateLimited = { rateLimits: ['UpdateItem'] } as const;
/** A push looks connections up, and removes the row of one that is gone. */
const pushes = { connections: ['Query', 'DeleteItem'] } as const;
/** Receipts go to the other members. */
const tellsReceipts = { ...pushes, conversations: ['BatchGetItem'] } as const;
/** Sealed messages are read through all tiers, and opened. */
const opensMessages = { contentKey: ['Decrypt'], cache: true } as const;
const oneTarget = ({ recipientId, conversationId }: Readonly<Record<string, unknown>>) => {
  if (recipientId !== undefined && conversationId !== undefined)
    throw badRequest('"recipientId" and "conversationId" exclude each other.', 'Name one of them.');
  if (recipientId === undefined && conversationId === undefined)
    throw badRequest('"recipientId" is missing (or "conversationId" instead of it).');
};

/** Most users have a hundred mailboxes at most, and a reconnect looks through all of them. */
const expectedMailboxes = 100;

/**
 * Every action, one row each: what a frame may hold, what it costs, which function serves it and what that may touch.
 * Requests, routes, permissions and the frame handler follow from here; `composition.ts` gives each its use case.
 */
export const actions = {
  send: row(
    shape('send', {
      required: { content: field.content },
      optional: {
        recipientId: field.userId,
        conversationId: field.text,
        clientMessageId: field.clientMessageId,
      },
      together: oneTarget,
    }),
    {
      reply: 'message.sent',
      function: 'send',
      answers: 'respond',
      charge: 'message',
      touches: {
        tables: {
          ...{ ...rateLimited, ...pushes },
          conversations: ['BatchGetItem', 'UpdateItem'],
          mailboxes: ['BatchGetItem', 'UpdateItem'],
          relationships: ['BatchGetItem'],
          // A query only where rows disagree after a restore.
          messages: ['BatchGetItem', 'PutItem', 'Query'],
          dataKeys: ['GetItem', 'PutItem'],
        },
        contentKey: ['GenerateDataKey', 'Decrypt'],
        cache: true,
        deliveryQueue: true,
      },
    },
  ),
  reconnect: row(
    shape('reconnect', {
      optional: {
        positions: field.positions(limits.reconnectPositions, 0),
        only: field.flag,
        epoch: field.epoch,
      },
      together: ({ positions, only, epoch }) => {
        if (positions instanceof Map && positions.size > 0 && epoch === undefined)
          throw badRequest(
            '"epoch" is missing: "positions" that are not empty need it.',
            'Hand back the "epoch" of the "reconnect.done" that they go back to. Without one, leave "positions" empty or out.',
          );
        if (only !== undefined && positions === undefined)
          throw badRequest(
            '"only" means nothing without "positions".',
            'Give "positions", or leave "only" out.',
          );
      },
    }),
    {
      reply: 'reconnect.done',
      function: 'reconnect',
      // Its pages and their end marker must arrive in order.
      answers: 'post',
      charge: ({ positions }) => requestCost(Math.max(expectedMailboxes, positions?.size ?? 0)),
      touches: {
        tables: {
          ...rateLimited,
          connections: ['UpdateItem'],
          mailboxes: ['Query'],
          conversations: ['BatchGetItem'],
          messages: ['Query'],
          dataKeys: ['GetItem'],
        },
        ...opensMessages,
      },
    },
  ),
  ack: row(shape('ack', { required: { positions: field.positions(limits.ackPositions, 1) } }), {
    reply: 'ok',
    function: 'sync',
    answers: 'respond',
    charge: ({ positions }) => requestCost(0, positions.size),
    touches: { tables: { ...rateLimited, ...tellsReceipts, mailboxes: ['UpdateItem'] } },
  }),
  read: row(shape('read', { required: { conversationId: field.text, seq: field.integer(1) } }), {
    reply: 'ok',
    function: 'sync',
    answers: 'respond',
    charge: () => requestCost(1, 1),
    touches: {
      tables: {
        ...{ ...rateLimited, ...tellsReceipts },
        mailboxes: ['GetItem', 'UpdateItem'],
        messages: ['GetItem'],
      },
    },
  }),
  history: row(
    shape('history', {
      required: { conversationId: field.text },
      optional: {
        before: field.integer(1),
        after: field.integer(0),
        limit: field.integer(1, limits.historyLimit),
      },
      together: ({ before, after }) => {
        if (before !== undefined && after !== undefined)
          throw badRequest('"before" and "after" exclude each other.', 'Name one of them, or neither.');
      },
    }),
    {
      reply: 'history.page',
      function: 'sync',
      answers: 'respond',
      charge: ({ limit = limits.historyDefault }) => requestCost(limit),
      touches: {
        tables: {
          ...rateLimited,
          mailboxes: ['GetItem'],
          conversations: ['BatchGetItem'],
          messages: ['Query'],
          dataKeys: ['GetItem'],
        },
        ...opensMessages,
      },
    },
  ),
  conversations: row(
    shape('conversations', {
      optional: { cursor: field.text, limit: field.integer(1, limits.conversationsLimit) },
    }),
    {
      reply: 'conversations.page',
      function: 'sync',
      answers: 'respond',
      charge: ({ limit = limits.conversationsDefault }) => requestCost(limit),
      touches: {
        tables: {
          ...rateLimited,
          mailboxes: ['Query', 'Query index', 'BatchGetItem'],
          conversations: ['BatchGetItem'],
        },
      },
    },
  ),
  block: row(shape('block', { required: { userId: field.userId } }), {
    reply: 'ok',
    function: 'sync',
    answers: 'respond',
    charge: () => requestCost(1, 1),
    touches: { tables: { ...rateLimited, relationships: ['PutItem'] } },
  }),
  unblock: row(shape('unblock', { required: { userId: field.userId } }), {
    reply: 'ok',
    function: 'sync',
    answers: 'respond',
    charge: () => requestCost(1, 1),
    touches: { tables: { ...rateLimited, relationships: ['DeleteItem'] } },
  }),
  // A function's, because the first frame after the token's expiry ends the connection, and that may be a ping.
  ping: row(shape('ping'), {
    reply: 'pong',
    function: 'sync',
    answers: 'respond',
    charge: () => requestCost(0),
    touches: { tables: rateLimited },
  }),
};

export type Action = keyof typeof actions;
export type Requests = { readonly [A in Action]: ReturnType<(typeof actions)[A]['request']['read']> };
export type ReplyTo<A extends Action> = Extract<Reply, { type: (typeof actions)[A]['reply'] }>;
/** The actions that one function serves. */
export type ActionsOf<F extends string> = {
  [A in Action]: (typeof actions)[A]['function'] extends F ? A : never;
}[Action];

/** The row of an action whose name is in a variable. */
export function rowOf<A extends Action>(action: A): Row<Requests[A], FunctionOf<A>, Reply['type']> {
  return rows[action];
}
type FunctionOf<A extends Action> = (typeof actions)[A]['function'];
const rows: { readonly [A in Action]: Row<Requests[A], FunctionOf<A>, Reply['type']> } = actions;

export function isAction(name: string): name is Action {
  return Object.hasOwn(actions, name);
}
