import { type Action, type Requests, rowOf } from '#shared/actions.ts';
import type { Actor } from '#shared/sign-in/actor.ts';
import type { RateLimitCharge } from './rate-limiter.ts';
import { requestCost } from './rate-limits.ts';

/** What a request of `actor` takes, as the row of its action says. */
export function chargesOf<A extends Action>(
  action: A,
  request: Requests[A],
  { userId, address }: Actor,
): readonly RateLimitCharge[] {
  const { charge } = rowOf(action);
  if (charge === 'message')
    return [
      { limit: 'messagesPerUser', of: userId },
      { limit: 'messagesPerAddress', of: address },
    ];
  return [{ limit: 'requestsPerUser', of: userId, cost: charge(request) }];
}

/** What a frame takes that no action can be charged for: it is malformed, or came by another's route. */
export function chargesOfMalformed({ userId }: Actor): readonly RateLimitCharge[] {
  return [{ limit: 'requestsPerUser', of: userId, cost: requestCost(0) }];
}
