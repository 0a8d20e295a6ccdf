import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit } from '#shared/limits/refusals.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Call } from '#shared/runtime/call.ts';
import type { Relationships } from './relationships.ts';

export interface ChangeRelationshipDependencies {
  readonly relationships: Relationships;
  readonly limiter: RateLimiter;
}

type Change = 'block' | 'unblock';

/** Blocks a user, or lifts one's own block. Neither needs a conversation, nor tells the other. */
export function makeChangeRelationship({ relationships, limiter }: ChangeRelationshipDependencies) {
  return async ({ action, userId }: Requests[Change], { actor, charges }: Call): Promise<ReplyTo<Change>> => {
    await refuseOverLimit(limiter, charges);
    if (userId === actor.userId) throw badRequest('"userId" is yourself.', 'Name the other user.');
    await relationships[action](actor.userId, userId);
    return { type: 'ok' };
  };
}
