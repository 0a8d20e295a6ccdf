import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer, type Socket } from 'node:net';
import { loopback } from '#localstack/http/loopback-server.ts';
import { makeRespReader, parseResp, type RespValue } from './resp.ts';

/** What went over a connection to the cache as one: a command, or all from MULTI to EXEC. */
export interface CacheCall {
  /** 1, 2, 3 … in the order of arrival. */
  readonly id: number;
  /** Of the execution environment whose connection it was. */
  readonly environmentId: string;
  /** The names: `ZRANGE`, or `SET ZREMRANGEBYSCORE ZADD …` of a transaction. */
  readonly commands: readonly string[];
  readonly bytes: number;
  /** By `performance.now()`. */
  readonly beganAt: number;
}

export interface CacheOutcome {
  readonly endedAt: number;
  readonly bytes: number;
  /** Entries in the answer of a ZRANGE or an MGET; undefined for the others. */
  readonly found: number | undefined;
}

export interface CacheObserver {
  began(call: CacheCall): void;
  ended(call: CacheCall, outcome: CacheOutcome): void;
}

export interface CacheWire {
  /** For one execution environment: its id stands where the user's name would. */
  urlFor(environmentId: string): string;
  /** Tells of each call from here on; the function that it returns ends that. */
  observe(observer: CacheObserver): () => void;
  stop(): Promise<void>;
}

/** What a client says to make its connection, and not to use it. */
const courtesies = new Set(['AUTH', 'CLIENT', 'PING', 'SELECT', 'INFO']);

/**
 * A relay on loopback between the functions and Valkey. Bytes pass as they are, in their order; what they were is read
 * beside. Whose connection it is the relay learns from the sign-in, which it takes for itself: the server has no users.
 */
export async function startCacheWire(target: URL): Promise<CacheWire> {
  const open = new Set<Socket>();
  const observers = new Set<CacheObserver>();
  const observer: CacheObserver = {
    began: (call) => observers.forEach(({ began }) => void began(call)),
    ended: (call, outcome) => observers.forEach(({ ended }) => void ended(call, outcome)),
  };
  let lastId = 0;
  const server = createServer((client) => {
    const upstream = createConnection(Number(target.port || 6379), target.hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    relay(client, upstream, observer, () => {
      lastId += 1;
      return lastId;
    });
  });
  server.listen(0, loopback);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlFor: (environmentId) => `redis://${environmentId}:local@${loopback}:${port}`,
    observe(added) {
      observers.add(added);
      return () => observers.delete(added);
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function relay(client: Socket, upstream: Socket, observer: CacheObserver, nextId: () => number): void {
  let environmentId: string | undefined;
  /** The transaction that is being told. */
  let transaction: { names: string[]; bytes: number } | undefined;
  /** In the order in which they will be answered; undefined for what is nobody's business. */
  const waiting: (CacheCall | undefined)[] = [];

  function begin(commands: readonly string[], bytes: number): CacheCall | undefined {
    if (environmentId === undefined || courtesies.has(commands[0] ?? '')) return undefined;
    const call = { id: nextId(), environmentId, commands, bytes, beganAt: performance.now() };
    observer.began(call);
    return call;
  }

  function take(command: RespValue, bytes: number): void {
    const [name = ''] = words(command);
    if (name === 'MULTI') transaction = { names: [], bytes };
    else if (name === 'EXEC' && transaction !== undefined) {
      waiting.push(begin(transaction.names, transaction.bytes + bytes));
      transaction = undefined;
      return;
    } else if (transaction !== undefined) {
      transaction.names.push(name);
      transaction.bytes += bytes;
    } else {
      waiting.push(begin([name], bytes));
      return;
    }
    // Answered by a word, each; the transaction's own answer comes with EXEC.
    waiting.push(undefined);
  }

  const readCommands = makeRespReader(take);
  const readReplies = makeRespReader((reply, bytes) => {
    const call = waiting.shift();
    if (call) observer.ended(call, { endedAt: performance.now(), bytes, found: found(call.commands, reply) });
  });
  /** What has come until its first command is whole, which may be the sign-in. */
  let opening: Buffer | undefined = Buffer.alloc(0);

  /** What is for the server. */
  function withoutSignIn(chunk: Buffer): Buffer {
    if (opening === undefined) return chunk;
    opening = Buffer.concat([opening, chunk]);
    const first = parseResp(opening, 0);
    if (first === undefined) return Buffer.alloc(0);
    const everything = opening;
    opening = undefined;
    const [name, user] = words(first.value);
    if (name !== 'AUTH') return everything;
    environmentId = user;
    client.write('+OK\r\n');
    return everything.subarray(first.end);
  }

  /** What is not RESP2 ends the connection, as the server would. */
  const orEnd = (work: (chunk: Buffer) => void) => (chunk: Buffer) => {
    try {
      work(chunk);
    } catch {
      client.destroy();
    }
  };
  client.on(
    'data',
    orEnd((chunk) => {
      const data = withoutSignIn(chunk);
      if (data.length === 0) return;
      upstream.write(data);
      readCommands(data);
    }),
  );
  upstream.on(
    'data',
    orEnd((chunk) => {
      client.write(chunk);
      readReplies(chunk);
    }),
  );
}

/** A command's name in capitals, and its first argument. */
function words(command: RespValue): string[] {
  const [name = '', argument = ''] = Array.isArray(command) ? command.slice(0, 2).map(String) : [];
  return [name.toUpperCase(), argument];
}

function found([name]: readonly string[], reply: RespValue): number | undefined {
  if (!Array.isArray(reply)) return undefined;
  // Each member comes with its score.
  if (name === 'ZRANGE') return reply.length / 2;
  return name === 'MGET' ? reply.filter((entry) => entry !== null).length : undefined;
}
