import { actorOf, type SocketEvent, type SocketResult } from '#shared/runtime/socket-event.ts';
import type { Connections } from './connections.ts';

/** `$disconnect`. Best effort, as the event itself is: a row that stays is found out by a 410, and ends by its time to live. */
export function makeDisconnectHandler({ connections }: { readonly connections: Connections }) {
  return async (event: SocketEvent): Promise<SocketResult> => {
    const { connectionId } = event.requestContext;
    await connections.remove({ userId: actorOf(event).userId, connectionId });
    return { statusCode: 200 };
  };
}
