import type { GetToken } from '../client/tokens.ts';
import type { WebSocketConstructor } from '../client/web-socket.ts';
import { CliError } from './errors.ts';
import { tryHandshake } from './handshake.ts';
import { handshakeFailure, mayStillOpen } from './handshake-failure.ts';
import type { Place } from './place.ts';

/**
 * What the SDK is given to connect with. The SDK tries for ever; a person wants to be told at once that nothing listens there,
 * or that the token is wrong.
 */
export interface Connector {
  readonly url: string;
  readonly getToken: GetToken;
  /** Node's own, which finds out why a handshake failed. */
  readonly WebSocket: WebSocketConstructor;
  /** Rejects when going on makes no sense: what never worked, or a token that will not be accepted again. */
  readonly failed: Promise<never>;
  /** Why there is no connection, as far as is known. */
  lastFailure(): CliError | undefined;
}

export function makeConnector(place: Place, getToken: GetToken): Connector {
  const failed = Promise.withResolvers<never>();
  // It may fail while nobody waits for it.
  failed.promise.catch(() => {});
  let last: CliError | undefined;
  let hasOpened = false;

  function note(error: CliError): void {
    last = error;
    const mayPass = hasOpened ? error.isPassing : mayStillOpen(error);
    if (!mayPass) failed.reject(error);
  }

  class ObservedWebSocket extends WebSocket {
    #isWanted = true;

    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      let isOpen = false;
      this.addEventListener('open', () => {
        isOpen = true;
        hasOpened = true;
        last = undefined;
      });
      this.addEventListener('error', async () => {
        // What the SDK gave up by itself says nothing.
        if (isOpen || !this.#isWanted) return;
        const error = handshakeFailure(place.url, await tryHandshake(url, protocols));
        if (error) note(error);
      });
    }

    override close(code?: number, reason?: string): void {
      this.#isWanted = false;
      super.close(code, reason);
    }
  }

  return {
    url: place.url,
    WebSocket: ObservedWebSocket,
    failed: failed.promise,
    lastFailure: () => last,
    async getToken(request) {
      try {
        return await getToken(request);
      } catch (error) {
        if (error instanceof CliError) note(error);
        throw error;
      }
    },
  };
}
