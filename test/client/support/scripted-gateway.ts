import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from '../../../client/web-socket.ts';
import { flush } from './virtual-clock.ts';

export type Frame = { readonly [name: string]: unknown };

/** The server's end of a connection, played by the test. */
export interface ScriptedConnection {
  /** From the `bearer.` subprotocol. */
  readonly token: string;
  /** Lets the client in. */
  open(): Promise<void>;
  /** Ends it, before or after it was opened, as the network or the server would. */
  cut(code?: number): Promise<void>;
  /** Sends a frame. */
  push(frame: Frame): Promise<void>;
  /** The next frame with this action; the client must have sent it already. Others stay. */
  take(action: string): Frame;
  /** Sends a reply to `request`. */
  reply(request: Frame, fields: Frame): Promise<void>;
  /** Actions of the frames that were not taken. */
  actions(): string[];
  /** Whether the client has closed it. */
  isClosed(): boolean;
  /** Pings and acknowledgements so far, and looks: they are answered by themselves, and are no part of `actions`. */
  answered(): Frame[];
  /** From now on nothing is answered by itself. */
  mute(): void;
  /** From now on sending throws, as a socket's that is about to end may. */
  refuseToSend(): void;
  /** From now on a `reconnect` is answered by itself, as well: nothing was missed. */
  answerLooks(): void;
}

export interface ScriptedGateway {
  readonly WebSocket: WebSocketConstructor;
  /** The next connection that the client opens; it must have begun already. */
  next(): ScriptedConnection;
  /** Connections that were begun and not taken by `next`. */
  waiting(): number;
}

/** A gateway that does what a test says and nothing else. */
export function makeScriptedGateway(): ScriptedGateway {
  const begun: ScriptedConnection[] = [];

  class ScriptedWebSocket implements WebSocketLike {
    readonly #listeners = new Map<string, ((event: WebSocketEvent) => void)[]>();
    readonly #frames: Frame[] = [];
    #isOpen = false;
    #isClosed = false;
    #isMute = false;
    #answersLooks = false;
    #refusesToSend = false;
    readonly #answered: Frame[] = [];

    constructor(_url: string, protocols: string[]) {
      begun.push(this.#connection(protocols[1]?.replace('bearer.', '') ?? ''));
    }

    send(data: string): void {
      if (!this.#isOpen) throw new Error('InvalidStateError: the socket is still connecting');
      if (this.#refusesToSend) throw new Error('InvalidStateError: the socket is about to end');
      const frame: Frame = JSON.parse(data);
      const answered = this.#answerOf(frame);
      if (this.#isMute || answered === undefined) {
        this.#frames.push(frame);
        return;
      }
      this.#answered.push(frame);
      const answer = JSON.stringify({ ...answered, requestId: frame.requestId });
      setImmediate(() => this.#emit({ type: 'message', data: answer }));
    }

    #answerOf({ action }: Frame): Frame | undefined {
      if (action === 'ping') return { type: 'pong' };
      if (action === 'ack') return { type: 'ok' };
      const isLook = action === 'reconnect' && this.#answersLooks;
      return isLook ? { type: 'reconnect.done', conversations: [], more: false } : undefined;
    }

    close(): void {
      this.#isClosed = true;
    }

    addEventListener(type: string, listener: (event: WebSocketEvent) => void): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }

    async #emit(event: WebSocketEvent): Promise<void> {
      for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
      await flush();
    }

    #connection(token: string): ScriptedConnection {
      const push = (frame: Frame) => this.#emit({ type: 'message', data: JSON.stringify(frame) });
      return {
        token,
        open: () => {
          this.#isOpen = true;
          return this.#emit({ type: 'open' });
        },
        cut: async (code = 1006) => {
          void this.#emit({ type: 'error' });
          await this.#emit({ type: 'close', code });
        },
        push,
        take: (action) => {
          const index = this.#frames.findIndex((frame) => frame.action === action);
          const [frame] = index === -1 ? [] : this.#frames.splice(index, 1);
          if (!frame) throw new Error(`no "${action}" was sent, but: ${this.#actions()}`);
          return frame;
        },
        reply: (request, fields) => push({ requestId: request.requestId, ...fields }),
        actions: () => this.#actions(),
        isClosed: () => this.#isClosed,
        answered: () => [...this.#answered],
        mute: () => {
          this.#isMute = true;
        },
        refuseToSend: () => {
          this.#refusesToSend = true;
        },
        answerLooks: () => {
          this.#answersLooks = true;
        },
      };
    }

    #actions(): string[] {
      return this.#frames.map(({ action }) => String(action));
    }
  }

  return {
    WebSocket: ScriptedWebSocket,
    next() {
      const connection = begun.shift();
      if (!connection) throw new Error('the client has not begun another connection');
      return connection;
    },
    waiting: () => begun.length,
  };
}
