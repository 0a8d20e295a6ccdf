import type { Push } from '#shared/protocol/replies.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import { asPostriderError, ConnectionLost, clientError, type Loss, type PostriderError } from './errors.ts';
import { makeLooks } from './looks.ts';
import { makeOpener, type Opened } from './opening.ts';
import { isKnownOffline, onReturn } from './platform.ts';
import type { Line } from './requests.ts';
import { makeStop, type Stop, type Stopper } from './stop.ts';
import { type GetToken, makeTokens } from './tokens.ts';
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
   * `too_many_connections`: newer connections of this user took its place, and it stays away until `connect`.
   * `epoch_changed`: see the `reset` event.
   */
  readonly reason: 'connect' | 'disconnect' | 'caught_up' | Loss['reason'];
  /** Of the WebSocket, where it closed. */
  readonly closeCode?: number;
  /** Milliseconds until the next attempt, where one has failed. */
  readonly retryInMs?: number;
  /**
   * With `connected`: whether nothing is missing between what this client had and what it has now. A client without
   * `positions` had nothing: it is false where other devices of the user have acknowledged messages that this one is not given.
   */
  readonly recovered?: boolean;
}

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
  /** The data on the server are another life's: resolves when what this client knows of the old one is forgotten. */
  onEpochChanged?(): Promise<void>;
}

/** Keeps one connection open, and a second one while it replaces the first. */
export interface Session extends Line {
  readonly state: () => State;
  /** Starts. While an attempt is waited for it is made at once; an open connection is asked for what was missed. */
  connect(): void;
  disconnect(): void;
  /** Asks an open connection for what it may have missed. */
  look(): void;
  /** Rejects whoever waits for a connection. */
  close(): void;
}

/** A connection that is shorter than this counts as a failure: a server that lets in and throws out is not hammered. */
const stableMs = 10_000;
/** So that no token makes the client spin. */
const soonestMs = 1_000;

/** Refusals in a row after which the application is told what may be wrong. By then a fresh token was refused as well. */
const tellingRefusals = 5;
/** The platform may say many times in a row that it is back. */
const hintPauseMs = 1_000;

export function makeSession(options: SessionOptions): Session {
  const { clock, random } = options;
  const waiting = makeWaiting();
  const tokens = makeTokens(options);
  const looks = makeLooks(clock, options.catchUp, (error) => lossOf(error, options.onError));
  const opener = makeOpener({ ...options, tokens, onEnd: forget });
  let state: State = 'disconnected';
  let running: Stopper | undefined;
  /** Requests go by this one. */
  let current: Connection | undefined;
  /** Open, and catching up; it becomes the current one after that, or when there is none. */
  let successor: Connection | undefined;
  let retryNow = () => {};
  let unlisten = () => {};
  let hintedAt = Number.NEGATIVE_INFINITY;

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
    // Unless it was pushed out by a connection of our own, it would only push out another one in its turn.
    const wasReplaced = successor !== undefined || opener.isOpening();
    if (loss.reason === 'too_many_connections' && !wasReplaced) {
      stayAway(loss);
      return;
    }
    if (state === 'connected') change('connecting', loss);
    if (successor) promote(successor);
  }

  function stayAway(loss: Loss): void {
    end(loss);
    options.onError(
      clientError(
        'too_many_connections',
        'This connection was closed because newer ones of this user are open.',
      ),
    );
  }

  function end(details: Omit<StateChange, 'state' | 'previous'>): void {
    const ending = running;
    running = undefined;
    unlisten();
    ending?.stop();
    change('disconnected', details);
  }

  /** Resolves when the connection is to be replaced; rejects with `ConnectionLost` when it ended before. */
  async function live({ connection, token, ended }: Opened): Promise<void> {
    const over = makeStop();
    const lifeMs = options.connectionLifeMs * (1 - random() / 10);
    const renewInMs = Math.max(soonestMs, Math.min(lifeMs, token.renewAt - clock.now()));
    const renewal = sleep(clock, renewInMs, over);
    // The server says so only when it is asked, and pushes nothing from then on.
    const endsInMs = token.endsAt - clock.now() + soonestMs;
    const cancelProbe = endsInMs < renewInMs ? clock.after(endsInMs, connection.probe) : () => {};
    const lost = ended.then(lose);
    // It is also watched where nobody waits for it.
    lost.catch(() => {});
    try {
      assertAlive(connection);
      if (current) successor = connection;
      else promote(connection);
      // What it waits for may be the application, for which a connection that has ended does not wait.
      const { recovered } = await Promise.race([options.catchUp(connection), lost]);
      assertAlive(connection);
      promote(connection);
      if (state !== 'connected') change('connected', { reason: 'caught_up', recovered });
      options.onLine();
      void looks.keep(connection, over);
      await Promise.race([renewal, lost]);
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      cancelProbe();
      over.stop();
    }
  }

  async function pause(failures: number, loss: Loss, stop: Stop): Promise<void> {
    const retryInMs = backoff(failures, random);
    if (state === 'connecting') change('connecting', { ...loss, retryInMs });
    const early = makeStop();
    retryNow = early.stop;
    await sleep(clock, retryInMs, stop, early);
    retryNow = () => {};
  }

  async function keepConnected(stop: Stop): Promise<void> {
    let failures = 0;
    while (!stop.isStopped()) {
      let openedAt = Number.POSITIVE_INFINITY;
      try {
        const opened = await opener.open(stop);
        openedAt = clock.now();
        tokens.accepted();
        await live(opened);
        tokens.proved();
        failures = 0;
      } catch (error) {
        if (stop.isStopped()) return;
        const loss = lossOf(error, options.onError);
        if (clock.now() - openedAt >= stableMs) {
          failures = 0;
          tokens.proved();
        }
        await learnFrom(loss);
        if (stop.isStopped()) return;
        await pause(failures, loss, stop);
        failures += 1;
      }
    }
  }

  async function learnFrom({ reason }: Loss): Promise<void> {
    if (reason === 'token_expired') tokens.ended();
    else if (reason === 'epoch_changed') await options.onEpochChanged?.();
    else if (reason === 'refused' && tokens.refused() === tellingRefusals && !isKnownOffline())
      options.onError(
        clientError(
          'refused',
          `${tellingRefusals} handshakes in a row were refused, with a fresh token as well. The url may be wrong (${options.url}), the token not accepted there, or the network gone.`,
        ),
      );
  }

  /** The network or the page is back: what was open may be dead. */
  function returned(): void {
    if (!running || clock.now() - hintedAt < hintPauseMs) return;
    hintedAt = clock.now();
    retryNow();
    current?.probe();
  }

  return {
    state: () => state,
    connection: () => current,
    opened: (stop) => (current ? Promise.resolve(current) : waiting.add(stop)),
    connect() {
      tokens.hurry();
      if (!running) {
        running = makeStop();
        unlisten = onReturn(returned);
        change('connecting', { reason: 'connect' });
        void keepConnected(running);
      } else {
        retryNow();
        if (current && state === 'connected') void looks.again(current);
        else current?.probe();
      }
    },
    disconnect() {
      if (running) end({ reason: 'disconnect' });
    },
    look() {
      if (current && state === 'connected') void looks.again(current);
    },
    close: waiting.rejectAll,
  };
}

function lose(loss: Loss): never {
  throw new ConnectionLost(loss);
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
