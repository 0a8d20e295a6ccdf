import type { Random } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { clientError } from './errors.ts';
import type { OutboxStorage } from './outbox-storage.ts';
import type { GetToken } from './session.ts';
import type { WebSocketConstructor } from './web-socket.ts';

export interface ClientOptions {
  /** `wss://{host}/{stage}` */
  readonly url: string;
  /** Gives the JWT for a connection; called for each. What it throws is told as an `error` event, and it is asked again. */
  readonly getToken: GetToken;
  /**
   * What this device holds already, from its own database: the highest seq of each conversation up to which it has every
   * message. A conversation that is not named counts as 0. Left out, the client begins where the user's acknowledgements
   * end, which serves a device that keeps nothing.
   */
  readonly positions?: Readonly<Record<string, number>> | undefined;
  /** Keeps unconfirmed messages over a restart. */
  readonly storage?: OutboxStorage | undefined;
  /** Messages that may wait to be sent: 1,000 by default. */
  readonly maxQueued?: number | undefined;
  /** The global one by default. The package `ws` will do as well, for a proxy or a certificate of your own. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Makes a `clientMessageId`. */
  readonly newId?: (() => string) | undefined;
  /** Milliseconds in which acknowledgements collect: 300 by default. */
  readonly ackDelayMs?: number | undefined;
  /** Milliseconds to wait for an answer: 15,000 by default. */
  readonly replyTimeoutMs?: number | undefined;
  /** Milliseconds of silence until a sign of life is asked for: 4 minutes by default, below the idle limit of API Gateway (10) and of usual NATs (5). */
  readonly pingIntervalMs?: number | undefined;
  /** Milliseconds after which a connection is replaced at the latest: 115 minutes by default, below API Gateway's two hours. */
  readonly connectionLifeMs?: number | undefined;
}

const minuteMs = 60_000;

/** Throws `bad_options` for what can never connect: trying again would only hide it. */
export function withDefaults(options: ClientOptions) {
  const { url, WebSocket = globalThis.WebSocket } = options;
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol))
    throw clientError('bad_options', '"url" must look like wss://host/stage.');
  if (typeof WebSocket !== 'function')
    throw clientError(
      'bad_options',
      'There is no WebSocket here. Use Node 22 or later, or give one as "WebSocket".',
    );
  return {
    ...options,
    WebSocket: WebSocket as WebSocketConstructor,
    // Not by spreading over the defaults: an option may be given as `undefined`.
    maxQueued: options.maxQueued ?? 1_000,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    newId: options.newId ?? randomId,
    ackDelayMs: options.ackDelayMs ?? 300,
    replyTimeoutMs: options.replyTimeoutMs ?? 15_000,
    pingIntervalMs: options.pingIntervalMs ?? 4 * minuteMs,
    connectionLifeMs: options.connectionLifeMs ?? 115 * minuteMs,
    positions: options.positions,
    storage: options.storage,
  };
}

/** `crypto.randomUUID` is missing from pages that came by plain HTTP. */
function randomId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
