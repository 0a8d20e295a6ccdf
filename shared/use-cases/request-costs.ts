import type { Request } from '#shared/protocol/requests.ts';

/**
 * What a request takes from `requestsPerUser`, by what it touches. A `send` has limits of its own, and a `ping` touches
 * nothing.
 */
export function requestCost(request: Exclude<Request, { action: 'send' | 'ping' }>): number {
  switch (request.action) {
    case 'reconnect':
      return 5;
    case 'ack':
      return Math.max(1, Math.ceil(request.positions.size / 10));
    case 'history':
    case 'conversations':
      return 2;
    case 'read':
    case 'block':
    case 'unblock':
      return 1;
  }
}
