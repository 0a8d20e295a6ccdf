import type { CloseStatus } from './connection.ts';
import type { GatewayContext } from './context.ts';
import { type ConnectionFacts, disconnectEvent } from './events.ts';
import { invokeWithin } from './integration.ts';

/** Invokes `$disconnect` once. Best effort, as on AWS: what the function answers changes nothing. Never rejects. */
export async function disconnect(
  gateway: GatewayContext,
  facts: ConnectionFacts,
  status: CloseStatus,
): Promise<void> {
  const route = gateway.routes.$disconnect;
  if (!route) return;
  await invokeWithin(route, disconnectEvent(gateway, facts, status), gateway.limits.integrationMs);
}
