import { limits } from '#shared/protocol/limits.ts';
import type { Random } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { clientError } from './errors.ts';
import { randomId } from './ids.ts';
import type { OutboxStorage } from './outbox-storage.ts';
import type { GetToken } from './tokens.ts';
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
  /** Which life of the server's data the positions belong to: `resumePoint()` gives both as one value, to be stored as one. */
  readonly epoch?: string | undefined;
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

/** Throws `bad_options` for what can never connect, or would never rest: trying again would only hide it. */
export function withDefaults(options: ClientOptions) {
  const { url, WebSocket = globalThis.WebSocket } = options;
  // Not by `URL`, which is not whole in React Native.
  if (typeof url !== 'string' || !/^wss?:\/\/[^\s/?#][^\s#]*$/i.test(url))
    throw clientError('bad_options', '"url" must look like wss://host/stage.');
  if (typeof WebSocket !== 'function')
    throw clientError(
      'bad_options',
      'There is no WebSocket here. Use Node 22 or later, or give one as "WebSocket": the package ws for instance.',
    );
  if (typeof options.getToken !== 'function')
    throw clientError('bad_options', '"getToken" must be a function.');
  checkStorage(options.storage);
  checkPositions(options);
  return {
    ...options,
    WebSocket: WebSocket as WebSocketConstructor,
    // Not by spreading over the defaults: an option may be given as `undefined`.
    maxQueued: wholeNumber('maxQueued', options.maxQueued ?? 1_000, 1),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    newId: options.newId ?? randomId,
    ackDelayMs: wholeNumber('ackDelayMs', options.ackDelayMs ?? 300, 0),
    replyTimeoutMs: wholeNumber('replyTimeoutMs', options.replyTimeoutMs ?? 15_000, 100),
    pingIntervalMs: wholeNumber('pingIntervalMs', options.pingIntervalMs ?? 4 * minuteMs, 1_000),
    connectionLifeMs: wholeNumber('connectionLifeMs', options.connectionLifeMs ?? 115 * minuteMs, 1_000),
    positions: options.positions && { ...options.positions },
    epoch: options.epoch,
    storage: options.storage,
  };
}

/** Beyond it a timer fires at once, and so do one of Infinity and one of NaN. */
const longestTimerMs = 2 ** 31 - 1;

function wholeNumber(name: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= longestTimerMs)
    return value;
  throw clientError('bad_options', `"${name}" must be a whole number from ${least} to ${longestTimerMs}.`);
}

function checkStorage(storage: unknown): void {
  if (storage === undefined) return;
  const { all, put, remove } = Object(storage);
  for (const method of [all, put, remove])
    if (typeof method !== 'function')
      throw clientError('bad_options', '"storage" must have the functions "all", "put" and "remove".');
}

/** Longer than any id of a conversation, and short enough that a frame holds many. */
const longestId = 256;

/** They come out of a database, which may have made text or null of them. */
function checkPositions({ positions, epoch }: ClientOptions): void {
  // Of 256 characters, each of which may be two of these.
  if (
    epoch !== undefined &&
    (typeof epoch !== 'string' || epoch === '' || epoch.length > 2 * limits.epochLength)
  )
    throw clientError('bad_options', `"epoch" must be a text of 1 to ${limits.epochLength} characters.`);
  if (positions === undefined) return;
  const isMap = Object.prototype.toString.call(positions) === '[object Object]';
  if (!isMap) throw clientError('bad_options', '"positions" must be an object {conversationId: seq}.');
  for (const [id, position] of Object.entries(positions))
    if (id === '' || id.length > longestId || !Number.isSafeInteger(position) || position < 0)
      throw clientError(
        'bad_options',
        `"positions" must hold whole numbers of 0 or more, by conversationId; "${id.slice(0, 64)}" does not.`,
      );
}
