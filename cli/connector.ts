import { WebSocket } from 'ws';
import type { GetToken } from '../client/session.ts';
import type { WebSocketConstructor } from '../client/web-socket.ts';
import { CliError } from './errors.ts';
import { handshakeFailure, mayStillOpen } from './handshake-failure.ts';
import type { Place } from './place.ts';

/**
 * What the SDK is given to connect with. The SDK tries for ever; a person wants to be told at once that nothing listens there,
 * or that the token is wrong.
 */
export interface Connector {
  readonly url: string;
  readonly getToken: GetToken;
  /** Of the package `ws`: a browser's, and Node's own, do not tell why a handshake failed. */
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
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false });
      let isOpen = false;
      this.on('open', () => {
        isOpen = true;
        hasOpened = true;
        last = undefined;
      });
      // An attempt that the SDK gave up by itself says nothing.
      this.on('error', (error) => {
        const wasGivenUp = error.message.startsWith('WebSocket was closed before');
        if (!isOpen && !wasGivenUp) note(handshakeFailure(place.url, error));
      });
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
