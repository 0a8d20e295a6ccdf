import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  /** As it was sent: still percent-encoded, and `..` still in it. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** What was asked for. By hand: `new URL` takes `//host/path` for another host, and throws on `//`. */
export function targetOf(request: IncomingMessage): RequestTarget {
  const [path = '/', ...rest] = (request.url ?? '/').split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
}
