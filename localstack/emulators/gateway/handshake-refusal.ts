import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Why a handshake is not upgraded, as the HTTP response that says so. */
export interface Refusal {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** These belong to the connection, which the gateway ends; a function cannot set them. */
const ownHeaders = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade', 'keep-alive']);

const websocketKey = /^[+/0-9A-Za-z]{22}==$/;
const subprotocolList = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;

/** A refusal that API Gateway makes itself. */
export function gatewayRefusal(status: number, message = STATUS_CODES[status] ?? 'Error'): Refusal {
  return { status, headers: [['Content-Type', 'application/json']], body: JSON.stringify({ message }) };
}

/** Whether a request is a WebSocket handshake (RFC 6455, 4.2.1), before any function is asked. */
export function isWebSocketHandshake(request: IncomingMessage): boolean {
  const { headers } = request;
  const offered = headers['sec-websocket-protocol'];
  return (
    request.method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    websocketKey.test(headers['sec-websocket-key'] ?? '') &&
    headers['sec-websocket-version'] === '13' &&
    (offered === undefined || (subprotocolList.test(offered) && !hasRepeats(offered)))
  );
}

/** Writes the response on the raw socket and ends it. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = refusal.body ?? '';
  const headers = (refusal.headers ?? []).filter(([name]) => !ownHeaders.has(name.toLowerCase()));
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function hasRepeats(list: string): boolean {
  const names = list.split(',').map((name) => name.trim());
  return new Set(names).size < names.length;
}
