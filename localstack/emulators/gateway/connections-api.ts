import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from './connection.ts';
import type { GatewayContext } from './context.ts';
import { makeId } from './ids.ts';
import { splitUrl } from './request-headers.ts';

interface ManagementResponse {
  readonly status: number;
  /** The name of the SDK's exception. */
  readonly error?: string;
  readonly body?: unknown;
}

/** The connection id of a management request, decoded; `undefined` for any other path. */
export function managedConnectionId(stage: string, request: IncomingMessage): string | undefined {
  const [path] = splitUrl(request);
  const prefix = `/${stage}/`;
  if (!path.startsWith(prefix)) return undefined;
  const [, id] = /^(?:@|%40)connections\/([^/]+)$/.exec(path.slice(prefix.length)) ?? [];
  try {
    return id && decodeURIComponent(id);
  } catch {
    // Not an encoded id, so none that is known.
    return id;
  }
}

/** Answers one `@connections` request. Never rejects. */
export async function manageConnection(
  gateway: GatewayContext,
  connectionId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const data = await readBody(request, gateway.limits.messageBytes);
    const { status, error, body } = manage(gateway, connectionId, request, data);
    response.writeHead(status, {
      'x-amzn-RequestId': makeId(),
      ...(error && { 'x-amzn-ErrorType': error }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  } catch {
    // The caller went away in the middle of its request: there is no one to answer.
    response.destroy();
  }
}

function manage(
  gateway: GatewayContext,
  connectionId: string,
  request: IncomingMessage,
  data: Buffer | 'tooLarge',
): ManagementResponse {
  if (!gateway.takeRequest()) return failure(429, 'LimitExceededException', 'Too Many Requests');
  const connection = gateway.connections.get(connectionId);
  switch (request.method) {
    case 'POST':
      return post(connection, data);
    case 'GET':
      return connection?.isOpen() ? { status: 200, body: describe(connection) } : gone();
    case 'DELETE':
      if (!connection?.isOpen()) return gone();
      connection.close(1008, '');
      return { status: 204 };
    default:
      return failure(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
}

function post(connection: Connection | undefined, data: Buffer | 'tooLarge'): ManagementResponse {
  if (data === 'tooLarge') return failure(413, 'PayloadTooLargeException', 'Message too long');
  if (!connection) return gone();
  if (data.length === 0 || !isUtf8(data)) {
    return failure(400, 'BadRequestException', 'The data must be text in UTF-8');
  }
  const outcome = connection.send(data);
  if (outcome === 'full') return failure(429, 'LimitExceededException', 'The client-side buffer is full');
  return outcome === 'gone' ? gone() : { status: 200 };
}

function describe(connection: Connection): unknown {
  const { connectedAt, identity } = connection.facts;
  return {
    connectedAt: new Date(connectedAt).toISOString(),
    identity,
    lastActiveAt: new Date(connection.lastActiveAt()).toISOString(),
  };
}

function gone(): ManagementResponse {
  return failure(410, 'GoneException', 'Gone');
}

function failure(status: number, error: string, message: string): ManagementResponse {
  return { status, error, body: { message } };
}

/** Reads to the end even when there is too much, so that the caller is ready for the answer. */
async function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer | 'tooLarge'> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maximumBytes) chunks.push(chunk);
  }
  return length <= maximumBytes ? Buffer.concat(chunks) : 'tooLarge';
}

function isUtf8(data: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
}
