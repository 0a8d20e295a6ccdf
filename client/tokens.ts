import type { Random } from './backoff.ts';
import { type Clock, within } from './clock.ts';
import { ConnectionLost, clientError, type PostriderError } from './errors.ts';
import type { Stop } from './stop.ts';
import { isSubprotocol, tokenTimes } from './token.ts';

/**
 * `fresh`: a token from a cache will not do. The last one ends or the server said that it has; or the handshake was refused
 * several times, which may be the token's fault.
 */
export type GetToken = (request: { readonly fresh: boolean }) => string | Promise<string>;

export interface Token {
  readonly text: string;
  /** Milliseconds since the epoch, by this device's clock: when a connection with it is to be replaced; never, perhaps. */
  readonly renewAt: number;
  /** When it ends as far as this clock tells, which may be before `renewAt`. */
  readonly endsAt: number;
}

/** Asks the application for tokens, and for fresh ones only where the one that it has may be the trouble. */
export interface Tokens {
  /** Resolves with a token for the next connection. Rejects with `ConnectionLost`; why was told. */
  next(stop: Stop): Promise<Token>;
  /** The server let a connection in with the last one. */
  accepted(): void;
  /** A connection lasted with the last one. */
  proved(): void;
  /** A handshake was refused; how many in a row that makes. */
  refused(): number;
  /** The server has said that the last one is not good. */
  ended(): void;
  /** Somebody asks for a connection: the wait for another fresh one is over. */
  hurry(): void;
}

interface TokensOptions {
  readonly getToken: GetToken;
  readonly clock: Clock;
  readonly random: Random;
  onError(error: PostriderError): void;
}

/** A fetch on a network that is gone has no limit in a browser. */
const longestWaitMs = 30_000;
/** From so many refusals in a row on, the token may be the reason. */
const suspiciousRefusals = 3;
/** Between two tokens that were asked for on suspicion; twice as long each time. */
const firstPauseMs = 5 * 60_000;
const longestPauseMs = 60 * 60_000;
/** Between two that were asked for because the first had ended, while no connection has lasted. */
const leastLifeMs = 30_000;

export function makeTokens({ getToken, clock, random, onError }: TokensOptions): Tokens {
  let last: Token | undefined;
  let freshAt = Number.NEGATIVE_INFINITY;
  let suspectAgainAt = Number.NEGATIVE_INFINITY;
  let pauses = 0;
  let refusals = 0;
  let isRejected = false;
  let isProved = false;

  function mustBeFresh(): boolean {
    const now = clock.now();
    const isSuspect = (isRejected || refusals >= suspiciousRefusals) && now >= suspectAgainAt;
    const isOver = now >= (last?.renewAt ?? Number.POSITIVE_INFINITY);
    return isSuspect || (isOver && (isProved || now >= freshAt + leastLifeMs));
  }

  function gotFresh(): void {
    const now = clock.now();
    freshAt = now;
    isRejected = false;
    isProved = false;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** pauses);
    suspectAgainAt = now + pauseMs * (1 - random() / 4);
    pauses += 1;
  }

  return {
    async next(stop) {
      const fresh = mustBeFresh();
      try {
        const late = () => new Error(`It gave nothing within ${longestWaitMs / 1_000} s.`);
        const asked = Promise.resolve(getToken({ fresh }));
        const text = await within(asked, { clock, ms: longestWaitMs, stop, late });
        // An error page for instance, at which the WebSocket would throw.
        if (!isSubprotocol(text)) {
          isRejected = true;
          throw new TypeError('What it gave is no token.');
        }
        const token = planRenewal(text, clock.now(), fresh, last);
        if (fresh) gotFresh();
        last = token;
        return token;
      } catch (cause) {
        if (!stop.isStopped()) onError(clientError('token_failed', 'getToken gave no token.', cause));
        throw new ConnectionLost({ reason: 'token_failed' });
      }
    },
    accepted() {
      refusals = 0;
      isRejected = false;
    },
    proved() {
      isProved = true;
      pauses = 0;
      suspectAgainAt = Number.NEGATIVE_INFINITY;
    },
    refused() {
      refusals += 1;
      // It has ended by a clock that may be wrong, or does not say when it ends: no more than a suspicion.
      if (last && (tokenTimes(last.text).expiresAt ?? 0) <= clock.now()) isRejected = true;
      return refusals;
    },
    ended() {
      isRejected = true;
    },
    hurry() {
      pauses = 0;
      suspectAgainAt = Math.min(suspectAgainAt, freshAt + leastLifeMs);
    },
  };
}

/** At most a minute before the end, and a quarter of what is left of a short one. */
const marginMs = 60_000;
/** So that a `getToken` that gives the same token again does not make the client spin. */
const soonestMs = 1_000;

/**
 * When a connection with this token is to be replaced. A device's clock may be wrong by more than a token's life: how long
 * one lives is said by the token alone, and one that has just been issued is kept for half of that whatever the clock says.
 */
export function planRenewal(text: string, now: number, isFresh: boolean, before?: Token): Token {
  const { issuedAt, expiresAt } = tokenTimes(text);
  const never = Number.POSITIVE_INFINITY;
  if (expiresAt === undefined) return { text, renewAt: never, endsAt: never };
  const lifeMs = issuedAt !== undefined && issuedAt < expiresAt ? expiresAt - issuedAt : undefined;
  const leftMs = Math.min(expiresAt - now, lifeMs ?? never);
  const endsAt = now + leftMs;
  // It ended already by this clock. Whether the server lets it in is for the server to say.
  if (leftMs <= 0) return { text, renewAt: lifeMs === undefined ? never : now + lifeMs / 2, endsAt: never };
  // The application has no other one.
  if (isFresh && text === before?.text) return { text, renewAt: Math.max(endsAt, now + leastLifeMs), endsAt };
  const dueMs = leftMs - Math.min(marginMs, leftMs / 4);
  const leastMs = isFresh ? (lifeMs === undefined ? leastLifeMs : lifeMs / 2) : soonestMs;
  return { text, renewAt: now + Math.max(leastMs, dueMs), endsAt };
}
