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
  connectionsPerAddress: PLENTY,
};

/** Bursts (tokens) and refills (tokens per second) of a stack; undefined: what it has by default. */
export type RateLimits = typeof UNTHROTTLED | undefined;

function remoteTarget(url: string): Target {
  return {
    url,
    httpUrl: undefined,
    token: async (user, ttl) => {
      if (!REMOTE_TOKEN_URL) {
        throw new Error('POSTRIDER_URL is set, and POSTRIDER_TOKEN_URL is not');
      }
      const tokenUrl = new URL(REMOTE_TOKEN_URL);
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

/** The place to test: POSTRIDER_URL, or a local stack with these limits, started for the caller. */
export async function openTarget(limits: RateLimits): Promise<Target> {
  if (REMOTE_URL !== undefined) {
    return remoteTarget(REMOTE_URL);
  }
  const { startStack } = await import('#localstack/stack.ts');
  return await startStack({
    port: 0,
    environment: limits ? { RATE_LIMITS: JSON.stringify(limits) } : {},
  });
}
