import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type Connection, openConnection } from './connection.ts';
import type { GatewayContext } from './context.ts';
import { disconnect } from './disconnect.ts';
import type { ConnectionFacts } from './events.ts';
import { makeFrameGuard } from './frame-guard.ts';
import { routeMessage } from './routing.ts';

interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly subprotocol: string | undefined;
}

/** Answers 101 and puts the connection to work; false if the socket went away first. */
export function upgrade(
  gateway: GatewayContext,
  facts: ConnectionFacts,
  { request, socket, head, subprotocol }: UpgradeRequest,
): boolean {
  const webSocket = acceptWebSocket(gateway, { request, socket, head, subprotocol });
  if (!webSocket) return false;
  const connection = openConnection(gateway, facts, webSocket, (status) =>
    gateway.track(disconnect(gateway, facts, status)),
  );
  // Not at once: the same chunk may begin with messages that are in order, and `ws` has yet to hand them over.
  const guard = makeFrameGuard(gateway.limits.frameBytes, (code) =>
    queueMicrotask(() => connection.close(code, '')),
  );
  // Ahead of the listener of `ws`, so that the guard has seen a chunk when its messages come. Added only now, because the
  // bytes that came with the handshake would otherwise be emitted before `ws` listens.
  socket.prependListener('data', guard.inspect);
  webSocket.on('message', (data: Buffer) => {
    if (guard.admitsNextMessage()) receive(gateway, connection, data);
  });
  return true;
}

function receive(gateway: GatewayContext, connection: Connection, data: Buffer): void {
  if (!connection.isOpen()) return;
  if (!gateway.takeRequest()) {
    connection.close(1008, '');
    return;
  }
  connection.touch();
  gateway.track(routeMessage(gateway, connection, data.toString()));
}

function acceptWebSocket(
  { webSockets }: GatewayContext,
  { request, socket, head, subprotocol }: UpgradeRequest,
): WebSocket | undefined {
  const addSubprotocol = (headers: string[]) => {
    if (subprotocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
  };
  let accepted: WebSocket | undefined;
  webSockets.once('headers', addSubprotocol);
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    accepted = webSocket;
  });
  webSockets.off('headers', addSubprotocol);
  return accepted;
}
