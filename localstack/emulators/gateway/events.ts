import { makeId } from './ids.ts';
import type { Parameters } from './request-headers.ts';

/** What is known of a connection from its handshake on, and goes into every event of it. */
export interface ConnectionFacts {
  readonly connectionId: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  readonly domainName: string;
  readonly identity: { readonly sourceIp: string; readonly userAgent?: string };
  /** What the authorizer gave, if there is one. */
  readonly authorizer?: Readonly<Record<string, string>>;
}

/** Where events come from. */
export interface EventSource {
  readonly apiId: string;
  readonly stage: string;
}

export interface HandshakeParameters {
  readonly headers: Parameters;
  readonly query: Parameters | undefined;
}

export interface RequestContext extends Readonly<Record<string, unknown>> {
  readonly requestId: string;
  readonly connectionId: string;
}

export interface GatewayEvent extends Readonly<Record<string, unknown>> {
  readonly requestContext: RequestContext;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The event of `$connect`. */
export function connectEvent(
  source: EventSource,
  facts: ConnectionFacts,
  parameters: HandshakeParameters,
): GatewayEvent {
  return {
    ...handshakeFields(parameters),
    requestContext: requestContext(source, facts, '$connect', 'CONNECT'),
    isBase64Encoded: false,
  };
}

/** The event of the REQUEST authorizer: the handshake's, with the ARN that its policy has to allow. */
export function authorizerEvent(
  source: EventSource,
  facts: ConnectionFacts,
  parameters: HandshakeParameters,
): GatewayEvent & { readonly methodArn: string } {
  return {
    type: 'REQUEST',
    methodArn: `arn:aws:execute-api:us-east-1:000000000000:${source.apiId}/${source.stage}/$connect`,
    ...handshakeFields(parameters),
    requestContext: requestContext(source, facts, '$connect', 'CONNECT'),
  };
}

/** The event of a text message. It has neither headers nor a query. */
export function messageEvent(
  source: EventSource,
  facts: ConnectionFacts,
  routeKey: string,
  body: string,
): GatewayEvent {
  const messageId = makeId();
  return {
    requestContext: { ...requestContext(source, facts, routeKey, 'MESSAGE'), messageId },
    body,
    isBase64Encoded: false,
  };
}

/** The event of `$disconnect`. */
export function disconnectEvent(
  source: EventSource,
  facts: ConnectionFacts,
  close: { readonly code: number; readonly reason: string },
): GatewayEvent {
  const headers = {
    Host: facts.domainName,
    'x-api-key': '',
    'X-Forwarded-For': facts.identity.sourceIp,
    'x-restapi': '',
  };
  return {
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...requestContext(source, facts, '$disconnect', 'DISCONNECT'),
      disconnectStatusCode: close.code,
      disconnectReason: close.reason,
    },
    isBase64Encoded: false,
  };
}

function handshakeFields({ headers, query }: HandshakeParameters): Record<string, unknown> {
  return {
    headers: headers.single,
    multiValueHeaders: headers.multi,
    ...(query && { queryStringParameters: query.single, multiValueQueryStringParameters: query.multi }),
  };
}

function requestContext(
  source: EventSource,
  facts: ConnectionFacts,
  routeKey: string,
  eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT',
): RequestContext {
  const requestId = makeId();
  const now = Date.now();
  return {
    routeKey,
    eventType,
    extendedRequestId: requestId,
    requestTime: requestTime(now),
    messageDirection: 'IN',
    stage: source.stage,
    connectedAt: facts.connectedAt,
    requestTimeEpoch: now,
    identity: { ...facts.identity },
    requestId,
    domainName: facts.domainName,
    connectionId: facts.connectionId,
    apiId: source.apiId,
    ...(facts.authorizer && { authorizer: { ...facts.authorizer } }),
  };
}

/** `09/Feb/2026:18:11:43 +0000` */
function requestTime(epochMs: number): string {
  const [date = '', time = ''] = new Date(epochMs).toISOString().split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${months[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}
