import type { Connection } from './connection.ts';
import type { GatewayContext, GatewayRoute } from './context.ts';
import { messageEvent, type RequestContext } from './events.ts';
import { invokeWithin, isRecord, parseProxyResponse } from './integration.ts';
import type { GatewayLimits } from './limits.ts';

/** Handles one text message, from route selection to the frame that answers it. Never rejects. */
export async function routeMessage(
  gateway: GatewayContext,
  connection: Connection,
  body: string,
): Promise<void> {
  const routeKey = selectRouteKey(gateway.routes, body);
  const event = messageEvent(gateway, connection.facts, routeKey, body);
  const route = gateway.routes[routeKey];
  const answer = route
    ? await runRoute(route, event, gateway.limits)
    : errorFrame('Forbidden', event.requestContext);
  if (answer === undefined) return;
  // Nobody is there to be told 429. Dropping a reply would leave the client waiting, so a peer that does not read is let go.
  if (connection.send(Buffer.from(answer)) === 'full') connection.close(1008, '');
}

/** `$request.body.action`, exactly; what names no route of that kind is `$default`. */
function selectRouteKey(routes: GatewayContext['routes'], body: string): string {
  const action = actionOf(body);
  const isRoute = action !== undefined && !action.startsWith('$') && Object.hasOwn(routes, action);
  return isRoute ? action : '$default';
}

/** What the client gets: the route's response, an error, or nothing. */
async function runRoute(
  route: GatewayRoute,
  event: { readonly requestContext: RequestContext },
  { integrationMs, messageBytes }: GatewayLimits,
): Promise<string | undefined> {
  const result = await invokeWithin(route, event, integrationMs);
  const response = result.kind === 'returned' ? parseProxyResponse(result.value) : undefined;
  const tooLarge = Buffer.byteLength(response?.body ?? '') > messageBytes;
  if (!response || tooLarge) return errorFrame('Internal server error', event.requestContext);
  return route.routeResponse && response.body ? response.body : undefined;
}

/** The frames that API Gateway writes itself, in its own spacing. */
function errorFrame(message: string, { connectionId, requestId }: RequestContext): string {
  return `{"message": "${message}", "connectionId":"${connectionId}", "requestId":"${requestId}"}`;
}

function actionOf(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && typeof value.action === 'string' ? value.action : undefined;
  } catch {
    return undefined;
  }
}
