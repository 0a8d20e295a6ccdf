import { ProtocolError } from '#shared/protocol/errors.ts';
import { sideBySide } from '#shared/runtime/waiting.ts';
import type { RateLimitCharge, RateLimitDecision, RateLimiter } from './rate-limiter.ts';

/** Takes `charges`, or refuses with `rate_limited`. */
export async function refuseOverLimit(
  limiter: RateLimiter,
  charges: readonly RateLimitCharge[],
): Promise<void> {
  refuse(await limiter.take(charges));
}

/**
 * What `work` resolves to, beside which `charges` are taken, so that they cost no time of their own. Once it is known that
 * nothing is left, refused requests do no work: a flood is not paid for.
 */
export async function withinLimits<T>(
  limiter: RateLimiter,
  charges: readonly RateLimitCharge[],
  work: () => Promise<T>,
): Promise<T> {
  refuse(limiter.lastKnown(charges));
  const [, result] = await sideBySide(refuseOverLimit(limiter, charges), work());
  return result;
}

function refuse(decision: RateLimitDecision): void {
  if (decision.allowed) return;
  throw new ProtocolError('rate_limited', 'Too many requests in too short a time.', {
    retryAfterMs: decision.retryAfterMs,
  });
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
