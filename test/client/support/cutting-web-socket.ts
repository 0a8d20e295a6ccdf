import { WebSocket } from 'ws';
import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from '../../../client/web-socket.ts';

/** Counts the points at which a connection can be cut, and cuts at one of them. */
export interface Cutter {
  readonly WebSocket: WebSocketConstructor;
  /** What was cut, for a person to read; undefined if the point was never reached. */
  cutAt(): string | undefined;
}

/**
 * Real connections, of which one is cut at the given point, without a closing handshake, as by a lost network. There are two
 * points for each frame: going out, before it leaves and just after; coming in, before it is given to the client and just after.
 */
export function makeCutter(point: number): Cutter {
  let points = 0;
  let cut: string | undefined;

  /** Whether to cut here. */
  function reach(description: string): boolean {
    points += 1;
    if (points !== point) return false;
    cut = description;
    return true;
  }

  class CuttingWebSocket implements WebSocketLike {
    readonly #socket: WebSocket;

    constructor(url: string, protocols: string[]) {
      this.#socket = new WebSocket(url, protocols, { perMessageDeflate: false });
    }

    send(data: string): void {
      const { action } = JSON.parse(data);
      if (reach(`before ${action} left`)) {
        this.#socket.terminate();
        return;
      }
      const isLast = reach(`after ${action} left`);
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
        if (reach(`before ${frame.type} arrived`)) {
          this.#socket.terminate();
          return;
        }
        listener(event);
        if (reach(`after ${frame.type} arrived`)) this.#socket.terminate();
      });
    }
  }

  return { WebSocket: CuttingWebSocket, cutAt: () => cut };
}
