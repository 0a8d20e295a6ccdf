import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';

export const loopback = '127.0.0.1';

/** Listens on loopback only, and returns the port. Port 0 picks a free one. Rejects as the system does (`EADDRINUSE`, …). */
export async function listenOnLoopback(server: Server, port = 0): Promise<number> {
  server.listen(port, loopback);
  await once(server, 'listening');
  return portOf(server.address());
}

/** Has `server` answer at another address of this machine as well. Ends with `closeServer` of what it returns. */
export async function listenAlsoAt(server: HttpServer, address: string, port: number): Promise<HttpServer> {
  const other = createHttpServer((...asked) => server.emit('request', ...asked));
  other.on('upgrade', (...asked) => server.emit('upgrade', ...asked));
  other.listen({ host: address, port, ipv6Only: true });
  await once(other, 'listening');
  return other;
}

/** Stops listening and ends every connection, keep-alive ones included. */
export async function closeServer(server: HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** A port that was free a moment ago, for programs that cannot say which one they picked. Another process may be quicker. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, loopback);
  await once(probe, 'listening');
  const port = portOf(probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}

function portOf(address: ReturnType<Server['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('This server has no port.');
  return address.port;
}
