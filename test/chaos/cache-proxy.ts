import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { loopback } from '#localstack/http/loopback-server.ts';
import type { Random } from '#test/contract/history/random.ts';
import { type CacheKind, cacheKinds } from './kinds.ts';

export interface CacheProxyOptions {
  readonly port: number;
  readonly random: Random;
  onFault(kind: CacheKind): void;
}

export interface CacheProxy {
  /** Where the server is; undefined while there is none, and connections are cut. */
  setUpstream(port: number | undefined): void;
  /** How often each kind befalls a portion of bytes from the server from here on, in percent. */
  set(rates: Readonly<Partial<Record<CacheKind, number>>>): void;
  stop(): Promise<void>;
}

/** Much longer than the functions wait for the cache (50 ms). */
const longestStallMs = 1_500;

/** Stands between the functions and the cache, on bytes: stalls, cuts, and alters what the server says. */
export async function startCacheProxy({ port, random, onFault }: CacheProxyOptions): Promise<CacheProxy> {
  let upstream: number | undefined;
  let rates: Readonly<Partial<Record<CacheKind, number>>> = {};
  const sockets = new Set<Socket>();

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  }

  function passReply(bytes: Buffer, from: Socket, to: Socket): void {
    const kind = cacheKinds.find((one) => random.chance(rates[one] ?? 0));
    if (kind !== undefined) onFault(kind);
    if (kind === 'cache-reset') to.destroy();
    else if (kind === 'cache-stall') {
      from.pause();
      setTimeout(() => {
        to.write(bytes);
        from.resume();
      }, random.below(longestStallMs));
    } else to.write(kind === 'cache-garbage' ? garble(bytes, random) : bytes);
  }

  const server = createServer((client) => {
    keep(client);
    if (upstream === undefined) {
      client.destroy();
      return;
    }
    const target = connect(upstream, loopback);
    keep(target);
    client.on('data', (bytes) => target.write(bytes)).on('close', () => target.destroy());
    target.on('data', (bytes) => passReply(bytes, target, client)).on('close', () => client.destroy());
  });
  server.listen(port, loopback);
  await once(server, 'listening');
  return {
    setUpstream(next) {
      upstream = next;
      if (next === undefined) for (const socket of sockets) socket.destroy();
    },
    set(next) {
      rates = next;
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** Some bytes changed, none of it right, something added, or the end cut off. */
function garble(bytes: Buffer, random: Random): Buffer {
  const altered = Buffer.from(bytes);
  const noise = () => Buffer.from(Array.from({ length: 1 + random.below(64) }, () => random.below(256)));
  switch (random.below(4)) {
    case 0:
      for (let changes = 1 + random.below(4); changes > 0; changes -= 1)
        altered[random.below(altered.length)] = random.below(256);
      return altered;
    case 1:
      return noise();
    case 2:
      return Buffer.concat([altered, noise()]);
    default:
      return altered.subarray(0, random.below(altered.length));
  }
}
