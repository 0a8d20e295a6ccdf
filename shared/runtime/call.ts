import type { Action, ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimitCharge } from '#shared/limits/rate-limiter.ts';
import type { Actor } from '#shared/sign-in/actor.ts';

/** What a use case is told beside the request itself. */
export interface Call {
  readonly actor: Actor;
  /** The connection that the request came over, if it came over one: its answer goes there, and pushes need not. */
  readonly connectionId?: string;
  /** The client's own, which its replies carry. */
  readonly requestId?: string;
  /** What the request takes from the actor's budgets. */
  readonly charges: readonly RateLimitCharge[];
}

/** A call that came over a connection. */
export interface ConnectionCall extends Call {
  readonly connectionId: string;
}

/** The use case of each action. One that posts its reply itself gives none. */
export type UseCases<A extends Action = Action> = {
  readonly [K in A]: (request: Requests[K], call: ConnectionCall) => Promise<ReplyTo<K> | undefined>;
};
