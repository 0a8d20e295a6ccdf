import { makeValkeyCache, type ValkeyCache } from '#shared/cache/valkey-cache.ts';
import { makeValkeyConnect } from '#shared/cache/valkey-connection.iovalkey.ts';
import type { ValkeyCommand, ValkeyConnect } from '#shared/cache/valkey-connection.ts';
import { type ManualClock, makeManualClock, type RecordedTelemetry, recordTelemetry } from './doubles.ts';
import { hasOpenssl, type ServerKind, serverBinary, type TestServer } from './valkey-server.ts';

export interface CacheOnServer {
  readonly cache: ValkeyCache;
  /** It stands still: whatever an operation waits for must come from the server, or it never ends. */
  readonly clock: ManualClock;
  readonly telemetry: RecordedTelemetry;
  readonly counts: { connections: number; roundTrips: number };
  /** Sends one command past the cache. */
  ask(...command: ValkeyCommand): Promise<unknown>;
  close(): void;
}

/** Why the tests against this kind of server cannot run here, or nothing. */
export function reasonToSkip(kind: ServerKind): string {
  if (!serverBinary) return 'no valkey-server or redis-server on the PATH';
  return kind !== 'plain' && !hasOpenssl ? 'no openssl on the PATH' : '';
}

/** A connected cache on a server that is emptied first. */
export async function openCache(
  server: TestServer,
  { epoch = 'one', emptied = true } = {},
): Promise<CacheOnServer> {
  const connect = makeValkeyConnect(server.settings, { clock: { now: () => Date.now() } });
  const admin = await connect();
  if (emptied) await admin.pipeline([['FLUSHALL']]);
  const clock = makeManualClock();
  const telemetry = recordTelemetry();
  const counts = { connections: 0, roundTrips: 0 };
  const cache = makeValkeyCache({
    ...{ connect: counted(connect, counts), clock, random: () => 0.5, telemetry, epoch },
  });
  if (!(await cache.connected())) throw new Error(`no connection: ${telemetry.lines()}`);
  return {
    cache,
    clock,
    telemetry,
    counts,
    async ask(...command) {
      const [reply] = await admin.pipeline([command]);
      if (reply instanceof Error) throw reply;
      return reply;
    },
    close() {
      cache.close();
      admin.close();
    },
  };
}

function counted(connect: ValkeyConnect, counts: CacheOnServer['counts']): ValkeyConnect {
  return async () => {
    counts.connections += 1;
    const connection = await connect();
    return {
      ...connection,
      async pipeline(commands) {
        counts.roundTrips += 1;
        return await connection.pipeline(commands);
      },
      async transaction(commands) {
        counts.roundTrips += 1;
        return await connection.transaction(commands);
      },
    };
  };
}
