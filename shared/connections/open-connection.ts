import type { RateLimitCharge, RateLimiter } from '#shared/limits/rate-limiter.ts';
import type { IsTrusted } from '#shared/limits/trusted-networks.ts';
import { limits } from '#shared/protocol/limits.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import { makeRetries, policies } from '#shared/runtime/retries.ts';
import { passOver, type Telemetry } from '#shared/runtime/telemetry.ts';
import type { Connection, Connections } from './connections.ts';
import type { ConnectionGateway } from './gateway.ts';

export interface OpenConnectionDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly limiter: RateLimiter;
  /** Addresses without a limit of their own, such as those of an office. */
  readonly isTrusted: IsTrusted;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export type OpenConnectionResult =
  | { readonly opened: true }
  | { readonly opened: false; readonly retryAfterMs: number };

export type OpenConnection = (connection: Connection) => Promise<OpenConnectionResult>;

/** Older ones are open, or gone. */
const openingMs = 5_000;

/** Lets a connection in, within the limits of its user and its address, and shows the user's oldest out where there are too many. */
export function makeOpenConnection(dependencies: OpenConnectionDependencies): OpenConnection {
  const { connections, gateway, limiter, isTrusted, clock, telemetry } = dependencies;
  const retries = makeRetries({ clock });

  return async (connection) => {
    const decision = await limiter.take(chargesOf(connection), 'inTurn');
    if (!decision.allowed) return { opened: false, retryAfterMs: decision.retryAfterMs };
    try {
      await connections.add(connection);
      await showOutSurplus(connection);
    } catch (error) {
      // Nobody will come over it: its row would count as one of the newest, and show out others in its place.
      await connections.remove(connection).catch((failure: unknown) => {
        telemetry.error('removing a connection that failed to open failed', failure);
      });
      throw error;
    }
    return { opened: true };
  };

  /** The user's first: one account that tries without end takes nothing from others behind the same address. */
  function chargesOf({ userId, address }: Connection): RateLimitCharge[] {
    const ofUser = { limit: 'connectionsPerUser', of: userId } as const;
    return isTrusted(address) ? [ofUser] : [ofUser, { limit: 'connectionsPerAddress', of: address }];
  }

  async function showOutSurplus({ userId, connectionId }: Connection): Promise<void> {
    const live = await connections.of(userId, 'strong', passOver(telemetry));
    // Whoever opens at the same moment orders them alike, so nobody is shown out who is among the newest.
    const surplus = live.sort(newestFirst).slice(limits.connectionsPerUser);
    await Promise.all(
      surplus.map(async (oldest) => {
        // The row first: one that is still opening when nobody tries any more finds itself removed at its `reconnect`.
        await connections.remove(oldest);
        // This one can't be closed by itself: it opens when this is over.
        if (oldest.connectionId === connectionId) return;
        await close(oldest).catch((error: unknown) => {
          telemetry.error('closing a surplus connection failed', error, {
            connectionId: oldest.connectionId,
          });
        });
      }),
    );
  }

  async function close({ connectionId, connectedAt }: Connection): Promise<void> {
    await retries.asking(policies.close, async () => {
      const outcome = await gateway.close(connectionId);
      const mayBeOpening = outcome === 'gone' && clock.now() - connectedAt <= openingMs;
      return mayBeOpening ? undefined : outcome;
    });
  }
}

function newestFirst(one: Connection, other: Connection): number {
  return other.connectedAt - one.connectedAt || (one.connectionId < other.connectionId ? 1 : -1);
}
