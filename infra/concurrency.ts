import type { FunctionName } from './function-needs.ts';

/** What Lambda keeps for functions without a reservation, in an account with the usual quota; smaller accounts cannot reserve. */
export const unreservable = 100;

/** Those that a client can keep busy for long; what is left over serves handshakes and sends. */
const bounded: readonly FunctionName[] = ['reconnect', 'sync'];

/** Of the deployment's share: how much each of those may have at once, and the queue's consumer. */
const share = 0.25;

/**
 * How many executions at a time each of these functions gets, and no more: `authorize`, `connect` and `send` go on when
 * they are flooded. None where `concurrency` is not set, or where too little would remain for Lambda to permit it.
 */
export function reservations(concurrency: number | undefined): { readonly [F in FunctionName]?: number } {
  if (concurrency === undefined) return {};
  const each = Math.floor(share * concurrency);
  if (concurrency - bounded.length * each < unreservable) return {};
  return Object.fromEntries(bounded.map((name) => [name, each]));
}

/** How many references batches the queue hands over at a time: between what AWS permits and what we need. */
export function pollerConcurrency(concurrency: number | undefined): number {
  return Math.min(100, Math.max(2, Math.floor(share * (concurrency ?? Number.POSITIVE_INFINITY))));
}
