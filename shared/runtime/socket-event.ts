import type { Actor } from '#shared/sign-in/actor.ts';
import type { LineKeys } from './telemetry.ts';

/** Of a handshake. */
export interface HeaderFields {
  /** The last line of each. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>>;
}

/** What the functions use of API Gateway's WebSocket events. */
export interface SocketEvent extends HeaderFields {
  readonly body?: string;
  readonly requestContext: {
    readonly connectionId: string;
    /** The route that the event took: `$connect`, `$default`, or an action. */
    readonly routeKey?: string;
    /** Of this event; the access log has it too. */
    readonly requestId?: string;
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
  /** Which life of the data the connection was opened in. One that was opened before there were any has none. */
  readonly epoch?: string;
}

export interface SocketResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** With a route response, the frame that the client gets. */
  readonly body?: string;
}

/** Who is at the other end of the connection. */
export function actorOf({ requestContext }: SocketEvent): Actor {
  const { identity, authorizer } = requestContext;
  return {
    userId: authorizer.userId,
    address: identity.sourceIp,
    expiresAt: Number(authorizer.tokenExpiresAt) * 1000,
  };
}

/** All values of a header, whose name may come in any letter case, and which may have been sent on several lines. */
export function headerValues({ headers, multiValueHeaders }: HeaderFields, name: string): string[] {
  return Object.entries({ ...headers, ...multiValueHeaders })
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
}

/** The subprotocols that a client offers, in its order. */
export function offeredSubprotocols(event: HeaderFields): string[] {
  return headerValues(event, 'sec-websocket-protocol')
    .flatMap((line) => line.split(','))
    .map((name) => name.trim())
    .filter(Boolean);
}

/** Whose the lines of an event are. */
export function lineKeysOf({ requestContext }: SocketEvent): LineKeys {
  const { routeKey, requestId, connectionId, authorizer } = requestContext;
  return {
    ...(requestId !== undefined && { requestId }),
    ...(routeKey !== undefined && { action: routeKey }),
    connectionId,
    userId: authorizer.userId,
  };
}
