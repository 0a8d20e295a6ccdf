import { ProtocolError } from './errors.ts';
import * as field from './fields.ts';
import { abbreviate, badRequest, byteLength, type FieldCheck, isPlainObject } from './fields.ts';
import { limits } from './limits.ts';

export interface SendRequest {
  readonly action: 'send';
  /** Exactly one of `recipientId` and `conversationId` is there. */
  readonly recipientId?: string;
  readonly conversationId?: string;
  readonly content: string;
  readonly clientMessageId?: string;
}
export interface ReconnectRequest {
  readonly action: 'reconnect';
  readonly positions?: ReadonlyMap<string, number>;
  readonly only?: boolean;
}
export interface AckRequest {
  readonly action: 'ack';
  readonly positions: ReadonlyMap<string, number>;
}
export interface ReadRequest {
  readonly action: 'read';
  readonly conversationId: string;
  readonly seq: number;
}
export interface HistoryRequest {
  readonly action: 'history';
  readonly conversationId: string;
  readonly before?: number;
  readonly after?: number;
  readonly limit?: number;
}
export interface ConversationsRequest {
  readonly action: 'conversations';
  readonly cursor?: string;
  readonly limit?: number;
}
export interface BlockRequest {
  readonly action: 'block' | 'unblock';
  readonly userId: string;
}
export interface PingRequest {
  readonly action: 'ping';
}
export type Request =
  | SendRequest
  | ReconnectRequest
  | AckRequest
  | ReadRequest
  | HistoryRequest
  | ConversationsRequest
  | BlockRequest
  | PingRequest;
export type Action = Request['action'];
export type RequestOf<A extends Action> = Extract<Request, { action: A }>;

interface Shape {
  readonly required?: Readonly<Record<string, FieldCheck<unknown>>>;
  readonly optional?: Readonly<Record<string, FieldCheck<unknown>>>;
  /** What no field can say alone; throws. */
  readonly together?: (fields: Readonly<Record<string, unknown>>) => void;
}

const block: Shape = { required: { userId: field.userId } };

const shapes: Readonly<Record<Action, Shape>> = {
  send: {
    required: { content: field.content },
    optional: {
      recipientId: field.userId,
      conversationId: field.text,
      clientMessageId: field.clientMessageId,
    },
    together: ({ recipientId, conversationId }) => {
      if (recipientId !== undefined && conversationId !== undefined)
        throw badRequest('"recipientId" and "conversationId" exclude each other.', 'Name one of them.');
      if (recipientId === undefined && conversationId === undefined)
        throw badRequest('"recipientId" is missing (or "conversationId" instead of it).');
    },
  },
  reconnect: {
    optional: { positions: field.positions(limits.reconnectPositions, 0), only: field.flag },
    together: ({ positions, only }) => {
      if (only !== undefined && positions === undefined)
        throw badRequest(
          '"only" means nothing without "positions".',
          'Give "positions", or leave "only" out.',
        );
    },
  },
  ack: { required: { positions: field.positions(limits.ackPositions, 1) } },
  read: { required: { conversationId: field.text, seq: field.integer(1) } },
  history: {
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
  },
  conversations: {
    optional: { cursor: field.text, limit: field.integer(1, limits.conversationsLimit) },
  },
  block,
  unblock: block,
  ping: {},
};

export type ParsedFrame =
  | { readonly request: Request; readonly requestId?: string }
  | { readonly error: ProtocolError; readonly requestId?: string };

/** Reads a client's frame: a valid request, or the error to answer with. Never throws. */
export function parseRequest(body: string): ParsedFrame {
  let requestId: string | undefined;
  try {
    const frame = parseObject(body);
    if (frame.requestId !== undefined) requestId = field.requestId(frame.requestId, 'requestId');
    const request = checkShape(frame);
    return { request, ...(requestId !== undefined && { requestId }) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error, ...(requestId !== undefined && { requestId }) };
  }
}

function parseObject(body: string): Record<string, unknown> {
  if (byteLength(body) > limits.frameBytes)
    throw new ProtocolError('too_large', `The frame has more than ${limits.frameBytes} bytes.`);
  let frame: unknown;
  try {
    frame = JSON.parse(body);
  } catch {
    throw badRequest('The frame is not JSON.', 'Send one JSON object per text frame.');
  }
  if (!isPlainObject(frame)) throw badRequest('The frame is not a JSON object.', 'Send {"action": …}.');
  return frame;
}

function checkShape(frame: Record<string, unknown>): Request {
  const { action, requestId: _, ...given } = frame;
  const known = Object.keys(shapes).join(', ');
  if (action === undefined) throw badRequest('"action" is missing.', `Name one of: ${known}.`);
  if (typeof action !== 'string') throw badRequest('"action" must be a string.', `Name one of: ${known}.`);
  if (!isAction(action))
    throw badRequest(`"action" has the unknown value "${abbreviate(action)}".`, `Name one of: ${known}.`);

  const { required = {}, optional = {}, together } = shapes[action];
  const checks = { ...required, ...optional };
  for (const name of Object.keys(given))
    if (!Object.hasOwn(checks, name))
      throw badRequest(`"${abbreviate(name)}" is not a field of "${action}".`, fieldsRemedy(action, checks));
  for (const name of Object.keys(required))
    if (given[name] === undefined) throw badRequest(`"${name}" is missing.`, fieldsRemedy(action, checks));

  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) fields[name] = checks[name]?.(value, name);
  together?.(fields);
  return { action, ...fields } as Request;
}

function isAction(action: string): action is Action {
  return Object.hasOwn(shapes, action);
}

function fieldsRemedy(action: Action, checks: Record<string, unknown>): string {
  return `The fields of "${action}" are: ${['requestId', ...Object.keys(checks)].join(', ')}.`;
}
