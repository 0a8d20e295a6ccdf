import { WebSocket } from 'ws';
import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from '../../../client/web-socket.ts';

/** Real connections, of which one is cut. */
export interface Cutter {
  readonly WebSocket: WebSocketConstructor;
  /** Whether the point was reached. */
  hasCut(): boolean;
}

/** Where to cut: just before or just after the n-th frame of this kind, a request's action or a reply's type. */
export interface CutPoint {
  readonly side: 'before' | 'after';
  readonly kind: string;
  readonly nth: number;
}

/**
 * Cuts one connection at the given point, without a closing handshake, as a lost network does. `before` a request, it never
 * leaves; `before` a reply, the server has sent it and the client never sees it.
 */
export function makeCutter(point: CutPoint): Cutter {
  const seen = new Map<string, number>();
  let hasCut = false;

  /** Whether to cut here. */
  function reach(side: CutPoint['side'], kind: string): boolean {
    const name = `${side} ${kind}`;
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    if (side !== point.side || kind !== point.kind || nth !== point.nth) return false;
    hasCut = true;
    return true;
  }

  class CuttingWebSocket implements WebSocketLike {
    readonly #socket: WebSocket;

    constructor(url: string, protocols: string[]) {
      this.#socket = new WebSocket(url, protocols, { perMessageDeflate: false });
    }

    send(data: string): void {
      const { action } = JSON.parse(data);
      if (reach('before', action)) {
        this.#socket.terminate();
        return;
      }
      const isLast = reach('after', action);
      this.#socket.send(data, () => isLast && this.#socket.terminate());
    }

    close(code?: number): void {
      this.#socket.close(code);
    }

    addEventListener(
      type: 'open' | 'message' | 'close' | 'error',
      listener: (event: WebSocketEvent) => void,
    ): void {
      if (type !== 'message') {
        this.#socket.addEventListener(type, listener);
        return;
      }
      this.#socket.addEventListener('message', (event) => {
        const frame = JSON.parse(String(event.data));
        if (reach('before', frame.type)) {
          this.#socket.terminate();
          return;
        }
        listener(event);
        if (reach('after', frame.type)) this.#socket.terminate();
      });
    }
  }

  return { WebSocket: CuttingWebSocket, hasCut: () => hasCut };
}
