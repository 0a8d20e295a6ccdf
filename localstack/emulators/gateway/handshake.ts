import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { authorize } from './authorize.ts';
import type { GatewayContext } from './context.ts';
import { disconnect } from './disconnect.ts';
import { authorizerEvent, type ConnectionFacts, connectEvent, type HandshakeParameters } from './events.ts';
import { gatewayRefusal, isWebSocketHandshake, type Refusal, refuse } from './handshake-refusal.ts';
import { makeId } from './ids.ts';
import { invokeWithin, type ProxyResponse, parseProxyResponse } from './integration.ts';
import { requestHeaders, requestQuery, sourceIp } from './request-headers.ts';
import { upgrade } from './upgrade.ts';

/** Takes an upgrade request from its first check to the open connection, or to the HTTP status that refuses it. Never rejects. */
export async function handshake(
  gateway: GatewayContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const client = watchClient(socket);
  const now = Date.now();
  const parameters = { headers: requestHeaders(request, now), query: requestQuery(request) };
  const identified = await identify(gateway, request, parameters, handshakeFacts(request, now));
  if ('refusal' in identified) {
    refuse(socket, identified.refusal);
    return;
  }
  if (client.isGone()) {
    socket.destroy();
    return;
  }
  const { facts } = identified;
  const connected = await connect(gateway, facts, parameters);
  if ('refusal' in connected) {
    refuse(socket, connected.refusal);
    return;
  }
  // `$connect` has let it in and may have written so somewhere: from here on `$disconnect` follows, whatever happens.
  const opened =
    !client.isGone() &&
    upgrade(gateway, facts, { request, socket, head, subprotocol: connected.subprotocol });
  if (opened) return;
  socket.destroy();
  await disconnect(gateway, facts, { code: 1006, reason: '' });
}

function handshakeFacts(request: IncomingMessage, now: number): ConnectionFacts {
  const userAgent = request.headers['user-agent'];
  return {
    connectionId: makeId(),
    connectedAt: now,
    domainName: request.headers.host ?? 'localhost',
    identity: { sourceIp: sourceIp(request), ...(userAgent !== undefined && { userAgent }) },
  };
}

/** Form, quota and authorizer, in this order. */
async function identify(
  gateway: GatewayContext,
  request: IncomingMessage,
  parameters: HandshakeParameters,
  facts: ConnectionFacts,
): Promise<{ facts: ConnectionFacts } | { refusal: Refusal }> {
  if (!isWebSocketHandshake(request)) return { refusal: gatewayRefusal(400) };
  if (!gateway.takeHandshake() || !gateway.takeRequest()) return { refusal: gatewayRefusal(429) };
  if (!gateway.authorizer) return { facts };

  const event = authorizerEvent(gateway, facts, parameters);
  const authorization = await authorize(gateway.authorizer, event, gateway.limits.integrationMs);
  return authorization.allowed
    ? { facts: { ...facts, authorizer: authorization.context } }
    : { refusal: gatewayRefusal(authorization.status) };
}

async function connect(
  gateway: GatewayContext,
  facts: ConnectionFacts,
  parameters: HandshakeParameters,
): Promise<{ subprotocol: string | undefined } | { refusal: Refusal }> {
  const route = gateway.routes.$connect;
  if (!route) return { subprotocol: undefined };
  const event = connectEvent(gateway, facts, parameters);
  const result = await invokeWithin(route, event, gateway.limits.integrationMs);
  if (result.kind === 'timedOut') return { refusal: gatewayRefusal(504, 'Endpoint request timed out') };
  const response = result.kind === 'returned' ? parseProxyResponse(result.value) : undefined;
  if (!response) return { refusal: gatewayRefusal(502, 'Internal server error') };
  if (response.statusCode < 300) return { subprotocol: selectedSubprotocol(response) };
  const { statusCode: status, headers, body = '' } = response;
  return { refusal: { status, headers, body } };
}

function selectedSubprotocol({ headers }: ProxyResponse): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')?.[1];
}

/** Nobody reads from the socket before the upgrade, but that the peer went away must be noticed. */
function watchClient(socket: Duplex): { isGone(): boolean } {
  let ended = false;
  socket.once('end', () => {
    ended = true;
  });
  return { isGone: () => ended || socket.destroyed };
}
