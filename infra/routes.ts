import { type Action, actions } from '#shared/actions.ts';
import type { FunctionName } from './function-needs.ts';

export interface Route {
  /** `$connect`, `$disconnect`, `$default`, or the `action` of the frames that take it. */
  readonly key: string;
  readonly function: FunctionName;
  /** Whether the function's result travels back as a frame. */
  readonly routeResponse: boolean;
}

const actionRoutes: {
  readonly [A in Action]: { readonly function: FunctionName; readonly answers: string };
} = actions;

/**
 * The WebSocket API's routes: which function answers which `action`. The infrastructure and the local stack both build
 * their API from this list.
 */
export const routes: readonly Route[] = [
  { key: '$connect', function: 'connect', routeResponse: false },
  { key: '$disconnect', function: 'disconnect', routeResponse: false },
  { key: '$default', function: 'fallback', routeResponse: true },
  ...Object.entries(actionRoutes).map(([key, row]) => ({
    key,
    function: row.function,
    routeResponse: row.answers === 'respond',
  })),
];

/** The REQUEST authorizer of `$connect`. */
export const authorizerFunction = 'authorize';

/** The function that the delivery queue feeds. */
export const queueFunction = 'deliver';
