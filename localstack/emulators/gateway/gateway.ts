import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { manageConnection, managedConnectionId } from './connections-api.ts';
import type { GatewayContext, GatewayRoute } from './context.ts';
import type { ConnectionFacts } from './events.ts';
import { handshake } from './handshake.ts';
import { gatewayRefusal, refuse } from './handshake-refusal.ts';
import type { Integration } from './integration.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { splitUrl } from './request-headers.ts';
import { makeTokenBucket } from './token-bucket.ts';

export interface GatewayOptions {
  readonly stage: string;
  /** By route key: `$connect`, `$disconnect`, `$default`, and what `action` may say. */
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  /** The REQUEST authorizer of `$connect`. Without one every handshake is let through to `$connect`. */
  readonly authorizer?: Integration;
  readonly limits?: Partial<GatewayLimits>;
}

/** One stage of a WebSocket API, to be put behind an HTTP server. */
export interface Gateway {
  /** True if the path was `/{stage}`: the socket is taken care of. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** True if the path was `/{stage}/@connections/{id}`: the response is taken care of. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
  /** Those that `$connect` has let in and that are not closing. */
  connectionCount(): number;
  /** What is known of such a connection. */
  connectionFacts(connectionId: string): ConnectionFacts | undefined;
  /** Closes every connection with 1001 and waits for its `$disconnect`, `closeMs` at most. */
  close(): Promise<void>;
}

/** API Gateway's WebSocket behaviour, as README.md beside this file describes it. */
export function createGateway(options: GatewayOptions): Gateway {
  const work = new Set<Promise<void>>();
  const context = makeContext(options, work);
  let closing = false;

  return {
    handleUpgrade(request, socket, head) {
      const [path] = splitUrl(request);
      if (path !== `/${context.stage}` && path !== `/${context.stage}/`) return false;
      // Without a listener an ECONNRESET would end the process; that the socket is destroyed says enough.
      socket.on('error', () => undefined);
      if (closing) {
        refuse(socket, gatewayRefusal(503));
        return true;
      }
      context.handshakes.add(socket);
      context.track(
        handshake(context, request, socket, head).finally(() => context.handshakes.delete(socket)),
      );
      return true;
    },
    handleRequest(request, response) {
      const connectionId = managedConnectionId(context.stage, request);
      if (connectionId === undefined) return false;
      context.track(manageConnection(context, connectionId, request, response));
      return true;
    },
    connectionCount: () => context.connections.size,
    connectionFacts: (connectionId) => context.connections.get(connectionId)?.facts,
    async close() {
      closing = true;
      for (const socket of context.handshakes) socket.destroy();
      for (const connection of [...context.connections.values()]) connection.close(1001, 'Going away');
      await new Promise<void>((resolve) => context.webSockets.close(() => resolve()));
      await settleWithin([...work], context.limits.closeMs);
    },
  };
}

function makeContext(options: GatewayOptions, work: Set<Promise<void>>): GatewayContext {
  const limits = { ...defaultLimits, ...options.limits };
  // `closeTimeout` is missing in the types of `ws`.
  const serverOptions: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    closeTimeout: limits.closeMs,
    // `ws` would select the first one that is offered.
    handleProtocols: () => false,
  };
  return {
    apiId: 'local',
    stage: options.stage,
    routes: options.routes,
    authorizer: options.authorizer,
    limits,
    webSockets: new WebSocketServer(serverOptions),
    connections: new Map(),
    handshakes: new Set(),
    takeHandshake: makeTokenBucket(limits.handshakesPerSecond, limits.handshakeBurst),
    takeRequest: makeTokenBucket(limits.requestsPerSecond, limits.requestBurst),
    track(promise) {
      work.add(promise);
      void promise.finally(() => work.delete(promise));
    },
  };
}

async function settleWithin(work: readonly Promise<void>[], milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([Promise.allSettled(work), deadline]);
  clearTimeout(timer);
}
