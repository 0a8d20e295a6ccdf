import type { Push } from '#shared/protocol/replies.ts';
import type { Clock, Connection, ConnectionGateway, Connections, Telemetry } from './ports.ts';

export interface PushDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Whether a connection may be pushed to: not before its first `reconnect`, and not after its token's expiry. */
export function isOpen({ ready, expiresAt }: Connection, clock: Clock): boolean {
  return ready && expiresAt > clock.now();
}

/** Posts `push` to each of `connections` that may be pushed to; how many took it. Never throws. */
export async function pushTo(
  { connections: table, gateway, clock, telemetry }: PushDependencies,
  connections: readonly Connection[],
  push: Push,
): Promise<number> {
  const frame = JSON.stringify(push);
  const open = connections.filter((connection) => isOpen(connection, clock));
  const taken = await Promise.all(
    open.map(async (connection) => {
      try {
        const outcome = await gateway.post(connection.connectionId, frame);
        // The connection was ready once, so this is not the 410 of one that is still opening.
        if (outcome === 'gone') await table.remove(connection);
        return outcome === 'posted';
      } catch (error) {
        telemetry.error('push failed', error, { connectionId: connection.connectionId });
        telemetry.count('PushFailed');
        return false;
      }
    }),
  );
  return taken.filter(Boolean).length;
}
