import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import sirv, { type RequestHandler } from 'sirv';
import type { Gateway } from '#localstack/emulators/gateway/gateway.ts';
import { type Issuer, issuerPaths } from '#localstack/emulators/issuer/issuer.ts';
import { answerJson, answerText } from '#localstack/http/http-answers.ts';
import { loopback } from '#localstack/http/loopback-server.ts';
import { targetOf } from '#localstack/http/request-target.ts';
import type { Inspector } from '#localstack/inspector/inspector.ts';

/** What the one port leads to, once it is there. */
export interface Rooms {
  readonly gateway: Pick<Gateway, 'handleRequest' | 'handleUpgrade'>;
  readonly issuer: Pick<Issuer, 'handleRequest'>;
  readonly inspector: Inspector;
  /** The directory of the demo page. What comes into it later is not served. */
  readonly webDirectory: string;
}

interface OpenRooms extends Rooms {
  readonly page: RequestHandler;
}

export interface FrontDoorOptions {
  readonly stage: string;
}

export interface FrontDoor {
  readonly server: Server;
  /** Until then everything is answered 503. Functions need the issuer's keys before the stack is whole. */
  open(rooms: Rooms): void;
}

/** The HTTP server of the stack's one port: the gateway, the issuer, the page and the health check behind it. */
export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  let rooms: OpenRooms | undefined;
  const server = createServer((request, response) => {
    if (rooms === undefined) answerText(response, 503, 'The stack is starting.\n');
    else answer(rooms, options, request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    if (rooms?.gateway.handleUpgrade(request, socket, head)) return;
    refuseUpgrade(request, socket, options.stage, rooms !== undefined);
  });
  return {
    server,
    open(opened) {
      rooms = { ...opened, page: sirv(opened.webDirectory, { setHeaders: forbidKeeping }) };
    },
  };
}

function answer(
  rooms: OpenRooms,
  { stage }: FrontDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (rooms.gateway.handleRequest(request, response)) return;
  const { path } = targetOf(request);
  if (ownPaths.includes(path) && !isAskedByLoopback(request)) {
    refuseName(request, response);
    return;
  }
  if (rooms.issuer.handleRequest(request, response)) return;
  if (rooms.inspector.handleRequest(request, response)) return;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (path === '/health' && isRead) answerJson(response, 200, { status: 'ok' });
  else if (path === `/${stage}` || path === `/${stage}/`) refuseWithoutUpgrade(request, response, stage);
  else if (isRead) showPage(rooms.page, request, response, () => refusePath(request, response, stage));
  else refusePath(request, response, stage);
}

function showPage(
  page: RequestHandler,
  request: IncomingMessage,
  response: ServerResponse,
  otherwise: () => void,
): void {
  // sirv throws on a range that ends before it begins, and nobody needs a part of the page.
  delete request.headers.range;
  page(request, response, otherwise);
}

function forbidKeeping(response: ServerResponse): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
}

function refusePath(request: IncomingMessage, response: ServerResponse, stage: string): void {
  const { path } = targetOf(request);
  const addresses = describeAddresses(request, stage);
  if (path === '/') answerText(response, 200, addresses);
  else answerText(response, 404, `Nothing is at ${path}.\n${addresses}`);
}

/** What a page from elsewhere must not read, although its host's name was made to lead here (DNS rebinding). */
const ownPaths: readonly string[] = [issuerPaths.token, '/inspect'];

function isAskedByLoopback(request: IncomingMessage): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/i.test(hostOf(request));
}

function refuseName({ url, socket }: IncomingMessage, response: ServerResponse): void {
  const address = `http://${loopback}:${socket.localPort}${url}`;
  answerText(response, 403, `This is for this machine alone, by a name of its own: ${address}\n`);
}

function refuseWithoutUpgrade(request: IncomingMessage, response: ServerResponse, stage: string): void {
  response.setHeader('upgrade', 'websocket');
  response.setHeader('connection', 'upgrade');
  answerText(response, 426, `This is a WebSocket: connect to ws://${hostOf(request)}/${stage}\n`);
}

function refuseUpgrade(request: IncomingMessage, socket: Duplex, stage: string, isOpen: boolean): void {
  const [status, text] = isOpen
    ? ['404 Not Found', `The WebSocket is at ws://${hostOf(request)}/${stage}\n`]
    : ['503 Service Unavailable', 'The stack is starting.\n'];
  socket.on('error', () => undefined);
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function describeAddresses(request: IncomingMessage, stage: string): string {
  const host = hostOf(request);
  return [
    `ws://${host}/${stage}  the WebSocket API`,
    `http://${host}/token?user=alice  a token for it`,
    `http://${host}/${stage}/@connections/{id}  its management API`,
    `http://${host}/inspect  what each request does, as server-sent events`,
    `http://${host}/health  200 once ready`,
    '',
  ].join('\n');
}

function hostOf(request: IncomingMessage): string {
  return request.headers.host ?? 'localhost';
}
