/** A running place: the local stack, or whatever POSTRIDER_URL names. */
export interface Target {
  /** The WebSocket URL. */
  readonly url: string;
  /** The local stack's HTTP URL; undefined elsewhere. */
  readonly httpUrl: string | undefined;
  /** A token for `user`; `ttl` in seconds. */
  token(user: string, ttl?: number): Promise<string>;
  stop(): Promise<void>;
}

const REMOTE_URL = process.env.POSTRIDER_URL;
const REMOTE_TOKEN_URL = process.env.POSTRIDER_TOKEN_URL;
const PLENTY = { burst: 100_000, refillPerSecond: 100_000 };

/** Whether the suite runs against a place that it did not start. */
export const isRemote = REMOTE_URL !== undefined;

/** The limits of a stack for tests that are not about limits. */
export const UNTHROTTLED = {
  messagesPerUser: PLENTY,
  messagesPerAddress: PLENTY,
  requestsPerUser: PLENTY,
  drainsPerConnection: PLENTY,
  drainsPerUser: PLENTY,
  connectionsPerUser: PLENTY,
  connectionsPerAddress: PLENTY,
};

/** Bursts (tokens) and refills (tokens per second) of a stack; undefined: what it has by default. */
export type RateLimits = typeof UNTHROTTLED | undefined;

/** A place that others use as well, and that goes on after these tests. */
function sharedTarget(url: string, tokens: string | undefined): Target {
  return {
    url,
    httpUrl: undefined,
    token: async (user, ttl) => {
      if (!tokens) {
        throw new Error('POSTRIDER_URL is set, and POSTRIDER_TOKEN_URL is not');
      }
      const tokenUrl = new URL(tokens);
      tokenUrl.searchParams.set('user', user);
      if (ttl !== undefined) {
        tokenUrl.searchParams.set('ttl', String(ttl));
      }
      const response = await fetch(tokenUrl);
      if (!response.ok) {
        throw new Error(`no token for ${user}: ${response.status}`);
      }
      return (await response.text()).trim();
    },
    stop: async () => {},
  };
}

/** The stack of `shared-stack.ts`, behind the door that its `globalSetup` provides. */
export async function openSharedStack(door: string): Promise<Target & { readonly httpUrl: string }> {
  const response = await fetch(door);
  const answer = await response.text();
  if (!response.ok) {
    throw new Error(`the shared stack did not start: ${answer}`);
  }
  return {
    ...sharedTarget(`${answer.replace('http:', 'ws:')}/local`, `${answer}/token`),
    httpUrl: answer,
  };
}

/** The place to test: POSTRIDER_URL, the local stack that is shared, or one with these limits, started for the caller. */
export async function openTarget(limits: RateLimits, sharedStackDoor?: string): Promise<Target> {
  if (REMOTE_URL !== undefined) {
    return sharedTarget(REMOTE_URL, REMOTE_TOKEN_URL);
  }
  if (limits === UNTHROTTLED && sharedStackDoor !== undefined) {
    return await openSharedStack(sharedStackDoor);
  }
  const { startStack } = await import('#localstack/stack.ts');
  return await startStack({
    port: 0,
    environment: limits ? { RATE_LIMITS: JSON.stringify(limits) } : {},
  });
}
