import { actorOf, lineKeysOf, type SocketEvent, type SocketResult } from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import type { Connections } from './connections.ts';

interface Options {
  readonly connections: Connections;
  readonly telemetry: FunctionTelemetry;
}

/** `$disconnect`. Best effort, as the event itself is: a row that stays is found out by a 410, and ends by its time to live. */
export function makeDisconnectHandler({ connections, telemetry }: Options) {
  return async (event: SocketEvent, context?: unknown): Promise<SocketResult> => {
    telemetry.begin(context, lineKeysOf(event));
    try {
      const { connectionId } = event.requestContext;
      await connections.remove({ userId: actorOf(event).userId, connectionId });
      return { statusCode: 200 };
    } catch (error) {
      telemetry.error('disconnect failed', error);
      throw error;
    }
  };
}
