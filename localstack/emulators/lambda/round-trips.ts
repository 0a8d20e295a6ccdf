import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/** Carries the round trip of a call, from 1 on. The wire takes it off again. */
export const roundTripHeader = 'x-local-round-trip';

/**
 * Numbers the HTTP requests of this thread by round trips. One that waited for no answer is in the first, one that was
 * made after an answer of the first had come is in the second, and so on. Only the thread itself can tell: what it
 * sends side by side leaves one after the other. Returns what begins a new count.
 */
export function numberRoundTrips(): () => void {
  const numbers = new WeakMap<ClientRequest, number>();
  let deepest = 0;
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest };
    numbers.set(request, deepest + 1);
    request.setHeader(roundTripHeader, deepest + 1);
  });
  subscribe('http.client.response.finish', (message) => {
    const { request } = message as { request: ClientRequest };
    deepest = Math.max(deepest, numbers.get(request) ?? 0);
  });
  return () => {
    deepest = 0;
  };
}
