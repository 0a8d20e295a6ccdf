import type { Push } from '#shared/protocol/replies.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import { asPostriderError, ConnectionLost, clientError, type Loss, type PostriderError } from './errors.ts';
import type { Line } from './requests.ts';
import { isSubprotocol, renewalDelay } from './token.ts';
import { makeWaiting } from './waiting.ts';
import type { WebSocketConstructor } from './web-socket.ts';

/** `connected` means open and caught up: everything that was missed has been handed on. */
export type State = 'disconnected' | 'connecting' | 'connected';

export interface StateChange {
  readonly state: State;
  /** The same as `state` when another attempt of connecting has failed. */
  readonly previous: State;
  /**
   * `connect`, `disconnect`: the application asked for it. `caught_up`: the connection is ready. `refused`: no handshake
   * (no network, or the token was not accepted: browsers do not tell which). `lost`: closed by the server or the network.
   * `silent`: no sign of life. `token_expired`, `token_failed`: see `getToken`. `catch_up_failed`: see the `error` event.
   */
  readonly reason: 'connect' | 'disconnect' | 'caught_up' | Loss['reason'];
  /** Of the WebSocket, where it closed. */
  readonly closeCode?: number;
  /** Milliseconds until the next attempt, where one has failed. */
  readonly retryInMs?: number;
  /** With `connected`: whether nothing is missing between what this client had and what it has now. */
  readonly recovered?: boolean;
}

/** `fresh`: a token from a cache will not do, the last one has ended or was refused. */
export type GetToken = (request: { readonly fresh: boolean }) => string | Promise<string>;

export interface SessionOptions {
  readonly url: string;
  readonly getToken: GetToken;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly random: Random;
  readonly replyTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** Milliseconds after which a connection is replaced at the latest. */
  readonly connectionLifeMs: number;
  /** Lets pushes begin on a new connection, and gets what was missed; whether all of it was there. */
  catchUp(connection: Connection): Promise<{ readonly recovered: boolean }>;
  onPush(push: Push): void;
  onState(change: StateChange): void;
  onError(error: PostriderError): void;
  /** There is a connection to send by. */
  onLine(): void;
}

/** Keeps one connection open, and a second one while it replaces the first. */
export interface Session extends Line {
  readonly state: () => State;
  /** Starts. While an attempt is waited for it is made at once; an open connection is asked for what was missed. */
  connect(): void;
  disconnect(): void;
  /** Rejects whoever waits for a connection. */
  close(): void;
}

/**
 * How often a connection asks for what it may have missed, in milliseconds. A push is a hint, and may fail for good: what
 * it should have told would otherwise stay unknown until the conversation's next message. The server looks again by itself
 * for some minutes, so this is the last resort, and a look costs it some five calls where a `ping` costs one.
 */
const lookAgainMs = 15 * 60_000;
/** A connection that is shorter than this counts as a failure: a server that lets in and throws out is not hammered. */
const stableMs = 10_000;

export function makeSession(options: SessionOptions): Session {
  const { clock, random } = options;
  const waiting = makeWaiting();
  let state: State = 'disconnected';
  let running: AbortController | undefined;
  /** Requests go by this one. */
  let current: Connection | undefined;
  /** Open, and catching up; it becomes the current one after that, or when there is none. */
  let successor: Connection | undefined;
  let retryNow = () => {};
  let isLooking = false;

  function change(next: State, details: Omit<StateChange, 'state' | 'previous'>): void {
    const previous = state;
    state = next;
    options.onState({ state, previous, ...details });
  }

  function promote(connection: Connection): void {
    const replaced = current === connection ? undefined : current;
    current = connection;
    if (successor === connection) successor = undefined;
    replaced?.closeWhenIdle();
    waiting.resolveAll(connection);
    options.onLine();
  }

  function forget(connection: Connection, loss: Loss): void {
    if (successor === connection) successor = undefined;
    if (current !== connection) return;
    current = undefined;
    if (!running) return;
    if (state === 'connected') change('connecting', loss);
    if (successor) promote(successor);
  }

  /** Gets what no push has told. It is a sign of life as well: without an answer the connection ends. */
  async function lookAgain(connection: Connection): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      await options.catchUp(connection);
    } catch (error) {
      lossOf(error, options.onError);
    } finally {
      isLooking = false;
    }
  }

  /** Looks again every so often until `signal` is aborted. */
  async function keepLooking(connection: Connection, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(clock, lookAgainMs, signal);
      if (signal.aborted) return;
      await lookAgain(connection);
    }
  }

  /** Resolves with an open connection and its token; rejects with `ConnectionLost`. */
  async function open(fresh: boolean, signal: AbortSignal): Promise<Opened> {
    let token: string;
    try {
      token = await options.getToken({ fresh });
      // An error page for instance, at which the WebSocket would throw.
      if (!isSubprotocol(token)) throw new TypeError('What it gave is no token.');
    } catch (cause) {
      options.onError(clientError('token_failed', 'getToken gave no token.', cause));
      throw new ConnectionLost({ reason: 'token_failed' });
    }
    if (signal.aborted) throw new ConnectionLost({ reason: 'replaced' });
    const opening = Promise.withResolvers<void>();
    const ending = Promise.withResolvers<Loss>();
    const onEnd = (loss: Loss) => {
      opening.reject(new ConnectionLost(loss));
      ending.resolve(loss);
      forget(connection, loss);
    };
    const connection = begin({
      ...options,
      token,
      onOpen: opening.resolve,
      onStrayError: options.onError,
      onEnd,
    });
    const abort = () => connection.close();
    signal.addEventListener('abort', abort);
    void ending.promise.then(() => signal.removeEventListener('abort', abort));
    await opening.promise;
    return { connection, token, ended: ending.promise };
  }

  /** Resolves when the connection is to be replaced; rejects with `ConnectionLost` when it ended before. */
  async function live({ connection, token, ended }: Opened): Promise<void> {
    const renewAfterMs = renewalDelay(token, clock.now(), options.connectionLifeMs, random);
    const renewal = Promise.withResolvers<void>();
    const cancelRenewal = clock.after(renewAfterMs, renewal.resolve);
    const over = new AbortController();
    try {
      assertAlive(connection);
      if (current) successor = connection;
      else promote(connection);
      const { recovered } = await options.catchUp(connection);
      assertAlive(connection);
      promote(connection);
      if (state !== 'connected') change('connected', { reason: 'caught_up', recovered });
      options.onLine();
      void keepLooking(connection, over.signal);
      const loss = await Promise.race([renewal.promise, ended]);
      if (loss) throw new ConnectionLost(loss);
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      cancelRenewal();
      over.abort();
    }
  }

  async function pause(failures: number, loss: Loss, signal: AbortSignal): Promise<void> {
    const retryInMs = backoff(failures, random);
    if (state === 'connecting') change('connecting', { ...loss, retryInMs });
    const early = new AbortController();
    retryNow = () => early.abort();
    await sleep(clock, retryInMs, AbortSignal.any([signal, early.signal]));
    retryNow = () => {};
  }

  async function keepConnected(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let fresh = false;
    while (!signal.aborted) {
      let openedAt = Number.POSITIVE_INFINITY;
      try {
        const opened = await open(fresh, signal);
        openedAt = clock.now();
        await live(opened);
        fresh = true;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const loss = lossOf(error, options.onError);
        if (clock.now() - openedAt >= stableMs) failures = 0;
        // Who was let in has a good token, unless it has expired since.
        fresh = openedAt === Number.POSITIVE_INFINITY || loss.reason === 'token_expired';
        await pause(failures, loss, signal);
        failures += 1;
      }
    }
  }

  return {
    state: () => state,
    connection: () => current,
    opened: (signal) => (current ? Promise.resolve(current) : waiting.add(signal)),
    connect() {
      if (!running) {
        running = new AbortController();
        change('connecting', { reason: 'connect' });
        void keepConnected(running.signal);
      } else {
        retryNow();
        if (current && state === 'connected') void lookAgain(current);
        else current?.probe();
      }
    },
    disconnect() {
      if (!running) return;
      const ending = running;
      running = undefined;
      ending.abort();
      change('disconnected', { reason: 'disconnect' });
    },
    close: waiting.rejectAll,
  };
}

/** Throws `ConnectionLost` where the WebSocket refuses to be made: a page's security policy for instance. */
function begin(options: ConnectionOptions & Pick<SessionOptions, 'onError'>): Connection {
  try {
    return openConnection(options);
  } catch (cause) {
    options.onError(clientError('bad_options', 'A WebSocket to this "url" cannot be made here.', cause));
    throw new ConnectionLost({ reason: 'refused' });
  }
}

/** Throws `ConnectionLost` if it ended while something else was awaited: requests would find it dead for ever. */
function assertAlive(connection: Connection): void {
  const loss = connection.loss();
  if (loss) throw new ConnectionLost(loss);
}

/** Why it has to be tried again. What no connection was lost by is told as an error. */
function lossOf(error: unknown, onError: SessionOptions['onError']): Loss {
  if (error instanceof ConnectionLost) return error.loss;
  onError(asPostriderError(error, 'Catching up failed.'));
  return { reason: 'catch_up_failed' };
}

interface Opened {
  readonly connection: Connection;
  readonly token: string;
  readonly ended: Promise<Loss>;
}
