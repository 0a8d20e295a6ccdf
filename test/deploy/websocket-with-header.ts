import { createRequire } from 'node:module';
import type { ClientOptions, WebSocket as WebSocketType } from 'ws';
import { bearerSubprotocolPrefix } from '#shared/protocol/limits.ts';

/**
 * Stands in for `ws` where the contract suite runs against MiniStack, which selects no subprotocol: a client that offered
 * one would rightly fail. The token goes into the Authorization header, the contract's other way; all else is `ws`.
 */
const ws = createRequire(import.meta.url)('ws') as { WebSocket: typeof WebSocketType };

export class WebSocket extends ws.WebSocket {
  constructor(address: string | URL, protocols?: string | string[], options: ClientOptions = {}) {
    const offered = [protocols ?? []].flat();
    const tokens = offered.filter((name) => name.startsWith(bearerSubprotocolPrefix));
    const [token] = tokens;
    const hasHeader = Object.keys(options.headers ?? {}).some(
      (name) => name.toLowerCase() === 'authorization',
    );
    if (token === undefined || tokens.length > 1 || hasHeader) super(address, offered, options);
    else {
      const authorization = `Bearer ${token.slice(bearerSubprotocolPrefix.length)}`;
      super(address, [], { ...options, headers: { ...options.headers, authorization } });
    }
  }
}
