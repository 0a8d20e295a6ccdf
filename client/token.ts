/** Whether a token can be offered as part of a WebSocket subprotocol (a `token` of RFC 9110). A JWT always can. */
export function isSubprotocol(token: unknown): token is string {
  return typeof token === 'string' && /^[!#$%&'*+\-.^_`|~\w]+$/.test(token);
}

/** When the token ends, milliseconds since the epoch; undefined where it does not say. It is read, not verified. */
export function tokenExpiry(token: string): number | undefined {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}

/** At most a minute, and a quarter of what is left of a short one. */
const marginMs = 60_000;
/** So that a `getToken` that gives the same token again does not make the client spin. */
const soonestMs = 1_000;

/**
 * Milliseconds until a connection is to be replaced by a new one: before its token ends, and before `lifeMs` are over. The
 * last tenth of its life is jittered, so that connections that were opened together are not replaced together.
 */
export function renewalDelay(token: string, now: number, lifeMs: number, random: () => number): number {
  const lifeDelay = lifeMs * (1 - random() / 10);
  const left = (tokenExpiry(token) ?? Number.POSITIVE_INFINITY) - now;
  // It ended already by this clock, yet it was let in: the clock is wrong, and the server will tell.
  if (left <= 0) return lifeDelay;
  return Math.max(soonestMs, Math.min(lifeDelay, left - Math.min(marginMs, left / 4)));
}
