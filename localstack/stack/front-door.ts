import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import sirv, { type RequestHandler } from 'sirv';
import type { Gateway } from '#localstack/emulators/gateway/gateway.ts';
import { type Issuer, issuerPaths } from '#localstack/emulators/issuer/issuer.ts';
import { answerJson, answerText } from '#localstack/http/http-answers.ts';
import { loopback } from '#localstack/http/loopback-server.ts';
import { targetOf } from '#localstack/http/request-target.ts';
import { isLoopbackName, nameOfHost, nameOfOrigin } from '#localstack/http/who-asks.ts';
import type { Inspector } from '#localstack/inspector/inspector.ts';
import { pageHeaders } from '#localstack/stack/page-headers.ts';

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
  /** Beside those of the loopback, the names by which it may be asked, in lower case; none by default. */
  readonly names?: readonly string[];
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
    const refusal = refusalOf(request, options);
    if (refusal !== undefined) answerText(response, 403, refusal);
    else if (rooms === undefined) answerText(response, 503, 'The stack is starting.\n');
    else answer(rooms, options, request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    const refusal = refusalOf(request, options);
    if (refusal !== undefined) refuseUpgrade(socket, '403 Forbidden', refusal);
    else if (rooms === undefined)
      refuseUpgrade(socket, '503 Service Unavailable', 'The stack is starting.\n');
    else if (!rooms.gateway.handleUpgrade(request, socket, head))
      refuseUpgrade(
        socket,
        '404 Not Found',
        `The WebSocket is at ws://${hostOf(request)}/${options.stage}\n`,
      );
  });
  return {
    server,
    open(opened) {
      rooms = {
        ...opened,
        page: sirv(opened.webDirectory, { setHeaders: (response) => response.setHeaders(pageHeaders) }),
      };
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
  if (path === issuerPaths.token) letPageRead(request, response);
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

function refusePath(request: IncomingMessage, response: ServerResponse, stage: string): void {
  const { path } = targetOf(request);
  const addresses = describeAddresses(request, stage);
  if (path === '/') answerText(response, 200, addresses);
  else answerText(response, 404, `Nothing is at ${path}.\n${addresses}`);
}

/**
 * Why this request gets nothing, in words for whoever reads them; undefined if it gets what it asks for. A page of somebody
 * else shows itself by its `Origin`, or by a `Host` whose name was made to lead here (DNS rebinding).
 */
function refusalOf(
  { headers, socket }: IncomingMessage,
  { names = [] }: FrontDoorOptions,
): string | undefined {
  const isOurs = (name: string) => isLoopbackName(name) || names.includes(name);
  const { host = loopback, origin } = headers;
  if (!isOurs(nameOfHost(host)))
    return `This is not asked by the name ${JSON.stringify(host)}, but as http://${loopback}:${socket.localPort}. Start it with HOST=name to have it asked by a name or an address.\n`;
  if (origin === undefined && isEmbedded(headers))
    return 'This is not to be embedded by a page of another site.\n';
  if (origin === undefined || isOurs(nameOfOrigin(origin) ?? '')) return undefined;
  return `This is not for pages of ${JSON.stringify(origin)}, but for those of ${loopback} and localhost. Start it with HOST=name to let pages of a name or an address in.\n`;
}

/** A picture, a script or a frame of a page elsewhere comes without an `Origin`, but not without these. */
function isEmbedded(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-dest'] !== 'document';
}

/** CORS: whoever comes this far may read it. */
function letPageRead({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin');
  if (origin !== undefined) response.setHeader('access-control-allow-origin', origin);
}

function refuseWithoutUpgrade(request: IncomingMessage, response: ServerResponse, stage: string): void {
  response.setHeader('upgrade', 'websocket');
  response.setHeader('connection', 'upgrade');
  answerText(response, 426, `This is a WebSocket: connect to ws://${hostOf(request)}/${stage}\n`);
}

function refuseUpgrade(socket: Duplex, status: string, text: string): void {
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
  return request.headers.host ?? loopback;
}
