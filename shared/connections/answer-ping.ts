import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit } from '#shared/limits/refusals.ts';
import type { Call } from '#shared/runtime/call.ts';

/** Says that the connection lives. It is charged like any request: a flood of them is paid for as well. */
export function makeAnswerPing({ limiter }: { readonly limiter: RateLimiter }) {
  return async (_: Requests['ping'], { charges }: Call): Promise<ReplyTo<'ping'>> => {
    await refuseOverLimit(limiter, charges);
    return { type: 'pong' };
  };
}
