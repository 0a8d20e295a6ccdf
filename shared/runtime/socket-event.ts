import type { Session } from '#shared/use-cases/session.ts';

/** What the functions use of API Gateway's WebSocket events. */
export interface SocketEvent {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly connectionId: string;
    /** Milliseconds since the epoch. */
    readonly connectedAt: number;
    readonly identity: { readonly sourceIp: string };
    /** The authorizer's context: every value is a string by then. */
    readonly authorizer: AuthorizerContext;
  };
}

/** What `authorize` hands on to every later event of the connection. */
export interface AuthorizerContext {
  readonly userId: string;
  /** The token's `exp`, seconds since the epoch. */
  readonly tokenExpiresAt: string;
}

export interface SocketResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** With a route response, the frame that the client gets. */
  readonly body?: string;
}

export function sessionOf({ requestContext }: SocketEvent): Session {
  const { connectionId, identity, authorizer } = requestContext;
  return {
    userId: authorizer.userId,
    connectionId,
    address: identity.sourceIp,
    expiresAt: Number(authorizer.tokenExpiresAt) * 1000,
  };
}

/** The value of a header, whose name may come in any letter case. */
export function headerOf(
  headers: Readonly<Record<string, string | undefined>> | undefined,
  name: string,
): string | undefined {
  return Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The subprotocols that a client offers, in its order. */
export function offeredSubprotocols(
  headers: Readonly<Record<string, string | undefined>> | undefined,
): string[] {
  return (headerOf(headers, 'sec-websocket-protocol') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
}
