import { limits } from '#shared/protocol/limits.ts';
import type { Connection, ConnectionGateway, Connections, RateLimiter, Telemetry } from './ports.ts';

export interface OpenConnectionDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly limiter: RateLimiter;
  readonly telemetry: Telemetry;
}

export type OpenConnectionResult =
  | { readonly opened: true }
  | { readonly opened: false; readonly retryAfterMs: number };

/** Lets a connection in, within the address's limit, and shows the user's oldest out where there are too many. */
export function makeOpenConnection({ connections, gateway, limiter, telemetry }: OpenConnectionDependencies) {
  return async (connection: Connection): Promise<OpenConnectionResult> => {
    const decision = await limiter.take([{ limit: 'connectionsPerAddress', of: connection.address }]);
    if (!decision.allowed) return { opened: false, retryAfterMs: decision.retryAfterMs };
    try {
      await connections.add(connection);
      await showOut(connection.userId);
    } catch (error) {
      // Nobody will come over it: its row would count as one of the newest, and show out others in its place.
      await connections.remove(connection).catch((failure: unknown) => {
        telemetry.error('removing a connection that failed to open failed', failure);
      });
      throw error;
    }
    return { opened: true };
  };

  async function showOut(userId: string): Promise<void> {
    const live = await connections.of(userId, 'strong');
    // Whoever opens at the same moment orders them alike, so nobody is shown out who is among the newest.
    const surplus = live.sort(newestFirst).slice(limits.connectionsPerUser);
    await Promise.all(
      surplus.map(async (oldest) => {
        // The row first: one that is still opening can't be closed yet, and finds itself removed at its `reconnect`.
        await connections.remove(oldest);
        await gateway.close(oldest.connectionId).catch((error: unknown) => {
          telemetry.error('closing a surplus connection failed', error, {
            connectionId: oldest.connectionId,
          });
        });
      }),
    );
  }
}

function newestFirst(one: Connection, other: Connection): number {
  return other.connectedAt - one.connectedAt || (one.connectionId < other.connectionId ? 1 : -1);
}
