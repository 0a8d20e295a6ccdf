import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { GatewayRoute } from '#localstack/emulators/gateway/context.ts';
import { createGateway, type Gateway, type GatewayOptions } from '#localstack/emulators/gateway/gateway.ts';

/** An event as a function gets it, loosely typed, because tests look at what is there. */
export interface SeenEvent {
  readonly [field: string]: unknown;
  readonly requestContext: { readonly [field: string]: unknown; readonly connectionId: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, string[]>>;
  readonly body?: string;
}

/** A function behind a route: remembers its events, in order. */
export interface RecordedRoute extends GatewayRoute {
  readonly events: SeenEvent[];
  /** The event after those already taken, waiting for it if need be. */
  next(): Promise<SeenEvent>;
}

interface Refused {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Client {
  readonly socket: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The text message after those already taken, waiting for it if need be. */
  next(): Promise<string>;
  send(message: unknown): void;
}

export interface Stage {
  readonly gateway: Gateway;
  readonly port: number;
  readonly url: string;
  readonly management: ApiGatewayManagementApiClient;
  open(protocols?: string[], options?: ClientOptions): Promise<Client>;
  /** Expects the handshake to be answered by a status. */
  openRefused(protocols?: string[], options?: ClientOptions): Promise<Refused>;
}

/** Serves a gateway on a free port until the test ends. */
export async function startStage(options: Partial<GatewayOptions>): Promise<Stage> {
  const gateway = createGateway({ stage: 'local', routes: {}, ...options });
  const server = createServer((request, response) => {
    if (!gateway.handleRequest(request, response)) response.writeHead(404).end();
  });
  server.on('upgrade', (request, socket, head) => {
    if (!gateway.handleUpgrade(request, socket, head)) socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/local`;
  const management = new ApiGatewayManagementApiClient({
    endpoint: `http://127.0.0.1:${port}/local`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  onTestFinished(async () => {
    management.destroy();
    await gateway.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    gateway,
    port,
    url,
    management,
    open: (protocols, clientOptions) => openClient(new WebSocket(url, protocols, clientOptions)),
    openRefused: (protocols, clientOptions) => expectRefusal(new WebSocket(url, protocols, clientOptions)),
  };
}

/** A route whose function answers 200 by default. */
export function recordedRoute(
  handler: (event: SeenEvent) => unknown = () => ({ statusCode: 200 }),
  routeResponse = true,
): RecordedRoute {
  const queue = makeQueue<SeenEvent>();
  return {
    events: queue.all,
    next: queue.next,
    routeResponse,
    invoke: async (event) => {
      queue.push(event as SeenEvent);
      return await handler(event as SeenEvent);
    },
  };
}

export async function openClient(socket: WebSocket): Promise<Client> {
  const messages = makeQueue<string>();
  socket.on('message', (data) => messages.push(data.toString()));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  // A test that breaks the protocol on purpose looks at the close code.
  socket.on('error', () => undefined);
  return { socket, closed, next: messages.next, send: (message) => socket.send(JSON.stringify(message)) };
}

async function expectRefusal(socket: WebSocket): Promise<Refused> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.on('unexpected-response', (_request, incoming) => resolve(incoming));
    socket.on('open', () => reject(new Error('the handshake was let through')));
    socket.on('error', reject);
  });
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

/** The lines of a correct upgrade request. */
export function upgradeRequest(path = '/local', extra: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...extra,
    '\r\n',
  ].join('\r\n');
}

/** A TCP connection, for what no WebSocket library would send. Destroyed when the test ends. */
export async function openTcp(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A TCP connection after its upgrade, paused. */
export async function openRawWebSocket(port: number): Promise<Socket> {
  const socket = await openTcp(port);
  socket.write(upgradeRequest());
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  if (!answer.toString().startsWith('HTTP/1.1 101')) throw new Error(answer.toString());
  return socket;
}

/** The close code of the first close frame that comes, passing over short frames before it. */
export async function readCloseCode(socket: Socket): Promise<number> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 2 && bytes.length >= 2 + (bytes[1] ?? 0)) {
      if (bytes[0] === 0x88) return bytes.readUInt16BE(2);
      bytes = bytes.subarray(2 + (bytes[1] ?? 0));
    }
  }
  throw new Error('the socket ended without a close frame');
}

function makeQueue<T>() {
  const all: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  let taken = 0;
  return {
    all,
    push(item: T): void {
      all.push(item);
      const resolve = waiting.shift();
      if (!resolve) return;
      taken += 1;
      resolve(item);
    },
    async next(): Promise<T> {
      const item = all[taken];
      if (taken >= all.length) return await new Promise<T>((resolve) => waiting.push(resolve));
      taken += 1;
      return item as T;
    },
  };
}
