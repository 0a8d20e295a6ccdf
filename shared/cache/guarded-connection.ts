import type { Clock, Random } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { type CircuitState, makeCircuitBreaker } from './circuit-breaker.ts';
import type { ValkeyConnect, ValkeyConnection } from './valkey-connection.ts';

export interface GuardOptions {
  /** The longest that a caller waits, over all the round trips of one operation. 50 ms by default. */
  readonly timeoutMs?: number;
  /** The longest that making a connection may take in the background. 2 s by default. */
  readonly connectTimeoutMs?: number;
  /** Failures in a row after which the server is left alone. 3 by default. */
  readonly failuresToOpen?: number;
  /** How long it is first left alone, at most; doubles with every failed probe. 1 s by default. */
  readonly openMs?: number;
  /** 30 s by default. */
  readonly longestOpenMs?: number;
  /** A connection silent for longer than this is given up at its first time-out. 30 s by default. */
  readonly idleMs?: number;
}

export interface GuardDependencies extends GuardOptions {
  readonly connect: ValkeyConnect;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export interface GuardedConnection {
  /** What `work` gave, or `undefined` if there is no connection, it failed, or the time was up. Never rejects. */
  run<T>(work: (connection: ValkeyConnection) => Promise<T>): Promise<T | undefined>;
  /** Resolves once the attempt to connect that is under way has ended: to whether there is a connection. */
  connected(): Promise<boolean>;
  circuit(): CircuitState;
  /** Ends the connection for good. */
  close(): void;
}

type Outcome<T> = { readonly value: T } | { readonly failure: string };

/**
 * One connection, made in the background and replaced when it fails, behind a time limit and a circuit breaker.
 *
 * Nobody waits for a connection: without one an operation ends at once, since reading the database takes less than
 * a TLS handshake does. There is no timer and no reconnect loop either: a Lambda's environment is frozen between
 * requests, so the next operation begins the next attempt. Whoever thaws finds a dead socket by the time limit.
 */
export function makeGuardedConnection(dependencies: GuardDependencies): GuardedConnection {
  const { connect, clock, random, telemetry } = dependencies;
  const { timeoutMs = 50, connectTimeoutMs = 2_000, idleMs = 30_000 } = dependencies;
  const { failuresToOpen = 3, openMs = 1_000, longestOpenMs = 30_000 } = dependencies;
  const breaker = makeCircuitBreaker({ clock, random, failuresToOpen, openMs, longestOpenMs });
  let connection: ValkeyConnection | undefined;
  let connecting: Promise<void> | undefined;
  let lastReplyAt = 0;
  let closed = false;

  async function establish(): Promise<void> {
    const attempt = Promise.resolve().then(connect);
    const outcome = await within(connectTimeoutMs, attempt);
    connecting = undefined;
    if ('value' in outcome && !closed) {
      connection = outcome.value;
      lastReplyAt = clock.now();
      return;
    }
    // Too late is not never: what still arrives must not stay open with no one to use it.
    attempt.then((late) => late.close()).catch(() => undefined);
    if (closed) return;
    breaker.trip();
    report('cache cannot be reached', 'failure' in outcome ? outcome.failure : 'unknown');
  }

  async function within<T>(limitMs: number, work: Promise<T>): Promise<Outcome<T>> {
    const finished = work.then(
      (value) => ({ value }),
      (error: unknown) => ({ failure: reasonOf(error) }),
    );
    return await Promise.race([finished, clock.sleep(limitMs).then(() => ({ failure: 'timeout' }))]);
  }

  function discard(): void {
    connection?.close();
    connection = undefined;
  }

  /** The server ended the connection: 12 hours are over, or it restarted. One failure, however much was in flight. */
  function noticeItsEnd(): void {
    if (!connection || connection.isOpen()) return;
    discard();
    breaker.failed();
    if (breaker.state() === 'open') report('cache is left alone', 'ended');
  }

  function fail(failed: ValkeyConnection, reason: string, wasIdle: boolean): void {
    const isAlreadyReplaced = failed !== connection;
    if (isAlreadyReplaced || closed) return;
    telemetry.count(reason === 'timeout' ? 'CacheTimeouts' : 'CacheErrors');
    const hasGivenUp = reason === 'timeout' && wasIdle;
    breaker.failed();
    if (breaker.state() === 'open') report('cache is left alone', reason);
    if (breaker.state() === 'open' || hasGivenUp || !failed.isOpen()) discard();
  }

  function report(event: string, reason: string): void {
    telemetry.count('CacheCircuitOpened');
    telemetry.warn(event, { reason });
  }

  async function run<T>(work: (connection: ValkeyConnection) => Promise<T>): Promise<T | undefined> {
    noticeItsEnd();
    if (closed || breaker.state() === 'open') return undefined;
    if (!connection) {
      connecting ??= establish();
      return undefined;
    }
    if (!breaker.admits()) return undefined;
    const used = connection;
    const wasIdle = clock.now() - lastReplyAt > idleMs;
    const outcome = await within(timeoutMs, work(used));
    if ('failure' in outcome) {
      fail(used, outcome.failure, wasIdle);
      return undefined;
    }
    if (used === connection) {
      lastReplyAt = clock.now();
      if (breaker.state() !== 'closed') telemetry.info('cache is used again');
      breaker.succeeded();
    }
    return outcome.value;
  }

  connecting = establish();

  return {
    run,
    circuit: () => breaker.state(),

    async connected() {
      await connecting;
      return connection?.isOpen() ?? false;
    },

    close() {
      closed = true;
      discard();
    },
  };
}

/**
 * A short word for the log. Never the error itself: client libraries hang the failed command on it, and its
 * arguments are message entries, or the token that we sign in with.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const serversCode = /^[A-Z]{3,}\b/.exec(error.message)?.[0];
  const systemsCode = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isCutOff = /closed|writeable/.test(error.message);
  return serversCode ?? systemsCode ?? (isCutOff ? 'closed' : error.name);
}
