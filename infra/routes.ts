/**
 * The WebSocket API's routes: which function answers which `action`, and whether its result travels back as a frame.
 * The infrastructure and the local stack both build their API from this table.
 */
export const routes = [
  { key: '$connect', function: 'connect', routeResponse: false },
  { key: '$disconnect', function: 'disconnect', routeResponse: false },
  { key: '$default', function: 'fallback', routeResponse: true },
  { key: 'send', function: 'send', routeResponse: true },
  // Its pages and their end marker must arrive in order, so it posts them all itself.
  { key: 'reconnect', function: 'reconnect', routeResponse: false },
  { key: 'ack', function: 'sync', routeResponse: true },
  { key: 'read', function: 'sync', routeResponse: true },
  { key: 'history', function: 'sync', routeResponse: true },
  { key: 'conversations', function: 'sync', routeResponse: true },
  { key: 'block', function: 'sync', routeResponse: true },
  { key: 'unblock', function: 'sync', routeResponse: true },
  { key: 'ping', function: 'sync', routeResponse: true },
] as const;

/** The REQUEST authorizer of `$connect`. */
export const authorizerFunction = 'authorize';

/** The function that the delivery queue feeds. */
export const queueFunction = 'deliver';
