import type { Connection, Connections } from '#shared/connections/connections.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';

export interface PushDependencies {
  readonly connections: Connections;
  readonly gateway: ConnectionGateway;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Which life of the data this is. */
  readonly epoch: string;
}

/**
 * Whether a connection may be pushed to: not before its first `reconnect`, not after its token's expiry, and not in
 * another life of the data than it was opened in.
 */
export function isOpen(
  { ready, expiresAt, epoch: openedIn }: Connection,
  { clock, epoch }: Pick<PushDependencies, 'clock' | 'epoch'>,
): boolean {
  return ready && expiresAt > clock.now() && openedIn === epoch;
}

/** Pages fill the buffer of a slow link by themselves: in a connection's first minute that is no sign of a reader that is gone. */
const catchingUpMs = 60_000;

function mayBeCatchingUp({ connectedAt }: Connection, { clock }: Pick<PushDependencies, 'clock'>): boolean {
  return clock.now() - connectedAt < catchingUpMs;
}

/** How many connections took a push, and how many may take it at another try. Those that are gone or do not read count as neither. */
export interface Pushed {
  readonly taken: number;
  readonly failed: number;
}

/** Posts one frame, made if there is somebody to get it, to each of `connections` that may be pushed to. Never throws. */
export async function pushTo(
  dependencies: PushDependencies,
  connections: readonly Connection[],
  frameOf: () => string,
): Promise<Pushed> {
  const { connections: table, gateway, telemetry } = dependencies;
  const open = connections.filter((connection) => isOpen(connection, dependencies));
  if (open.length === 0) return { taken: 0, failed: 0 };
  const frame = frameOf();
  /** It does not read: nobody writes to it any more. It comes back for what it has missed. */
  const end = async ({ connectionId }: Connection) => {
    telemetry.info('connection ended that does not read', { connectionId });
    telemetry.count('ConnectionNotReading');
    await gateway.close(connectionId);
  };
  const outcomes = await Promise.all(
    open.map(async (connection) => {
      try {
        const outcome = await gateway.post(connection.connectionId, frame, { mayRepeat: true });
        if (outcome === 'full' && mayBeCatchingUp(connection, dependencies)) {
          telemetry.warn('push failed', { to: connection.connectionId, reason: 'full' });
          return 'failed';
        }
        // Ended first: one that could not be closed keeps its row, and the next push tries again.
        if (outcome === 'full') await end(connection);
        // The connection was ready once, so this is not the 410 of one that is still opening.
        if (outcome !== 'posted') await table.remove(connection);
        return outcome;
      } catch (error) {
        telemetry.error('push failed', error, { to: connection.connectionId });
        telemetry.count('PushFailed');
        return 'failed';
      }
    }),
  );
  const count = (outcome: (typeof outcomes)[number]) => outcomes.filter((one) => one === outcome).length;
  const taken = count('posted');
  if (taken > 0) telemetry.count('Pushed', taken);
  return { taken, failed: count('failed') };
}
