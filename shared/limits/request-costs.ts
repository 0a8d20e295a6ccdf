import { requestCost } from '#shared/limits/rate-limits.ts';
import { limits } from '#shared/protocol/limits.ts';
import type { Request } from '#shared/protocol/requests.ts';

/** Requests that are charged to `requestsPerUser`: a `send` has limits of its own, and a `ping` touches nothing. */
export type ChargedRequest = Exclude<Request, { action: 'send' | 'ping' }>;

/** A reconnect looks through every mailbox of its user, of which there are a hundred or fewer, mostly. */
const expectedMailboxes = 100;

/** What a request takes from `requestsPerUser`, by the rows that it may read and write. */
export function costOf(request: ChargedRequest): number {
  switch (request.action) {
    case 'reconnect':
      return requestCost(Math.max(expectedMailboxes, request.positions?.size ?? 0));
    case 'ack':
      return requestCost(0, request.positions.size);
    case 'history':
      return requestCost(request.limit ?? limits.historyDefault);
    case 'conversations':
      return requestCost(request.limit ?? limits.conversationsDefault);
    case 'read':
    case 'block':
    case 'unblock':
      return requestCost(1, 1);
  }
}
