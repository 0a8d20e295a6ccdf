import { ProtocolError } from '#shared/protocol/errors.ts';
import type { RateLimitCharge, RateLimiter } from './ports.ts';
import { type ChargedRequest, costOf } from './request-costs.ts';
import type { Session } from './session.ts';

/** Takes `charges`, or refuses with `rate_limited`. */
export async function refuseOverLimit(
  limiter: RateLimiter,
  charges: readonly RateLimitCharge[],
): Promise<void> {
  const decision = await limiter.take(charges);
  if (decision.allowed) return;
  throw new ProtocolError('rate_limited', 'Too many requests in too short a time.', {
    retryAfterMs: decision.retryAfterMs,
  });
}

/** The same for requests other than sends, by their weight. */
export async function refuseRequestOverLimit(
  limiter: RateLimiter,
  request: ChargedRequest,
  { userId }: Session,
): Promise<void> {
  await refuseOverLimit(limiter, [{ limit: 'requestsPerUser', of: userId, cost: costOf(request) }]);
}

/** Not there and not yours are the same to a stranger. */
export function notFound(): ProtocolError {
  return new ProtocolError('not_found', 'There is no such conversation among yours.');
}

/** Never says who blocked whom. */
export function forbidden(): ProtocolError {
  return new ProtocolError(
    'forbidden',
    'The relationship between the two users does not allow this message.',
  );
}
