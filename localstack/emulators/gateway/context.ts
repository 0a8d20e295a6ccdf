import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import type { Connection } from './connection.ts';
import type { EventSource } from './events.ts';
import type { Integration } from './integration.ts';
import type { GatewayLimits } from './limits.ts';

export interface GatewayRoute extends Integration {
  /** Whether the `body` that the function returns goes to the client. */
  readonly routeResponse: boolean;
}

/** What the behaviours of one gateway share. */
export interface GatewayContext extends EventSource {
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  readonly authorizer: Integration | undefined;
  readonly limits: GatewayLimits;
  readonly webSockets: WebSocketServer;
  /** The open connections: after `$connect` has returned, and until their closing has begun. */
  readonly connections: Map<string, Connection>;
  /** Sockets between their upgrade request and its answer. */
  readonly handshakes: Set<Duplex>;
  /** Takes one from the quota of new connections, or of requests; false if there is none left. */
  takeHandshake(): boolean;
  takeRequest(): boolean;
  /** Remembers work until it is done, so that closing the gateway can wait for it. The work never rejects. */
  track(work: Promise<void>): void;
}
