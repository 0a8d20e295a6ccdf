import { dynamodbClient } from '#shared/aws/clients.ts';
import { connectionsTable } from '#shared/runtime/parts.ts';
import { type SocketEvent, type SocketResult, sessionOf } from '#shared/runtime/socket-event.ts';

const connections = connectionsTable(dynamodbClient());

/** Best effort, as the event itself is: a row that stays is found out by a 410, and ends by its time to live. */
export async function handler(event: SocketEvent): Promise<SocketResult> {
  await connections.remove(sessionOf(event));
  return { statusCode: 200 };
}
