import { subprotocol } from '#shared/protocol/limits.ts';
import {
  actorOf,
  lineKeysOf,
  offeredSubprotocols,
  type SocketEvent,
  type SocketResult,
} from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import type { OpenConnection } from './open-connection.ts';

interface Options {
  readonly openConnection: OpenConnection;
  readonly telemetry: FunctionTelemetry;
}

/** `$connect`, once the authorizer has let it through. What is thrown here becomes the handshake's 502. */
export function makeConnectHandler({ openConnection, telemetry }: Options) {
  return async (event: SocketEvent, context?: unknown): Promise<SocketResult> => {
    telemetry.begin(context, lineKeysOf(event));
    const { connectionId, connectedAt, authorizer } = event.requestContext;
    try {
      const result = await openConnection({
        ...{ ...actorOf(event), connectionId, connectedAt, ready: false },
        ...(authorizer.epoch !== undefined && { epoch: authorizer.epoch }),
      });
      if (!result.opened)
        return { statusCode: 429, headers: { 'Retry-After': String(Math.ceil(result.retryAfterMs / 1000)) } };
      const wanted = offeredSubprotocols(event).includes(subprotocol);
      return { statusCode: 200, ...(wanted && { headers: { 'Sec-WebSocket-Protocol': subprotocol } }) };
    } catch (error) {
      telemetry.error('connect failed', error);
      throw error;
    } finally {
      telemetry.flush();
    }
  };
}
