import type { Session } from '#shared/connections/session.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { chargesOf, refuseOverLimit } from '#shared/limits/refusals.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { Reply } from '#shared/protocol/replies.ts';
import type { BlockRequest } from '#shared/protocol/requests.ts';
import type { Relationships } from './relationships.ts';

export interface ChangeRelationshipDependencies {
  readonly relationships: Relationships;
  readonly limiter: RateLimiter;
}

/** Blocks a user, or lifts one's own block. Neither needs a conversation, nor tells the other. */
export function makeChangeRelationship({ relationships, limiter }: ChangeRelationshipDependencies) {
  return async (request: BlockRequest, session: Session): Promise<Reply> => {
    if (request.userId === session.userId) throw badRequest('"userId" is yourself.', 'Name the other user.');
    await refuseOverLimit(limiter, chargesOf(request, session));
    await relationships[request.action](session.userId, request.userId);
    return { type: 'ok' };
  };
}
