import { dynamodbClient } from '#shared/aws/clients.ts';
import { makeOpenConnection } from '#shared/connections/open-connection.ts';
import { subprotocol } from '#shared/protocol/limits.ts';
import { connectionGateway, connectionsTable, rateLimiter } from '#shared/runtime/parts.ts';
import {
  offeredSubprotocols,
  type SocketEvent,
  type SocketResult,
  sessionOf,
} from '#shared/runtime/socket-event.ts';
import { clock } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';

const dynamodb = dynamodbClient();
const telemetry = makeTelemetry();
const openConnection = makeOpenConnection({
  connections: connectionsTable(dynamodb),
  gateway: connectionGateway(),
  limiter: rateLimiter(dynamodb, telemetry),
  clock,
  telemetry,
});

/** What is thrown here becomes the handshake's 502. */
export async function handler(event: SocketEvent): Promise<SocketResult> {
  const { connectedAt } = event.requestContext;
  const connection = { ...sessionOf(event), connectedAt, ready: false };
  try {
    const result = await openConnection(connection);
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
}
