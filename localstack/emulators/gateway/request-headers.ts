import type { IncomingMessage } from 'node:http';
import { makeTraceId } from '#localstack/emulators/lambda/trace-id.ts';

/** One kind of parameter as Lambda events carry it: the last value of each name, and all of them. */
export interface Parameters {
  readonly single: Record<string, string>;
  readonly multi: Record<string, string[]>;
}

/** Hop-by-hop headers end at the gateway, and it writes the `X-Forwarded-…` ones itself. */
const notForwarded = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-port',
  'x-forwarded-proto',
]);

/** The handshake's headers in canonical case, with those that API Gateway adds. `now` in epoch milliseconds. */
export function requestHeaders(request: IncomingMessage, now: number): Parameters {
  const entries: [string, string][] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? '';
    if (notForwarded.has(name.toLowerCase())) continue;
    entries.push([canonicalName(name), request.rawHeaders[index + 1] ?? '']);
  }
  const forwardedFor = [request.headers['x-forwarded-for'] ?? [], sourceIp(request)].flat().join(', ');
  entries.push(['X-Forwarded-For', forwardedFor]);
  entries.push(['X-Forwarded-Port', String(request.socket.localPort ?? 80)]);
  entries.push(['X-Forwarded-Proto', 'http']);
  if (request.headers['x-amzn-trace-id'] === undefined) entries.push(['X-Amzn-Trace-Id', makeTraceId(now)]);
  return collect(entries);
}

/** The query's parameters, decoded; `undefined` if there are none. */
export function requestQuery(request: IncomingMessage): Parameters | undefined {
  const [, query = ''] = splitUrl(request);
  const entries = [...new URLSearchParams(query)];
  return entries.length === 0 ? undefined : collect(entries);
}

/** The path as it came (not decoded), and what follows the first `?`. */
export function splitUrl(request: IncomingMessage): [path: string, query?: string] {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark === -1 ? [url] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** The address of the peer, an IPv4 one in its IPv4 form even if the server listens on both. */
export function sourceIp(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:(?=\d+\.)/, '');
}

function canonicalName(name: string): string {
  return name
    .toLowerCase()
    .split('-')
    .map((word) => (word === 'websocket' ? 'WebSocket' : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('-');
}

function collect(entries: readonly (readonly [string, string])[]): Parameters {
  const multi = new Map<string, string[]>();
  for (const [name, value] of entries) multi.set(name, [...(multi.get(name) ?? []), value]);
  // fromEntries makes own properties even of `__proto__`, which an assignment would not.
  return { single: Object.fromEntries(entries), multi: Object.fromEntries(multi) };
}
