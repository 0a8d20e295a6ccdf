import { usageError } from './errors.ts';

const localUrl = 'ws://127.0.0.1:4510/local';

/** A running Postrider. */
export interface Place {
  /** The WebSocket URL. */
  readonly url: string;
  /** Where the local stack gives tokens to whoever asks; undefined elsewhere. */
  readonly tokenUrl: URL | undefined;
}

/** The local stack by default. Throws a usage error for what cannot be the URL of a deployment. */
export function findPlace(given: string | undefined): Place {
  const text = given ?? localUrl;
  const example = `For example: --url ${localUrl}`;
  const url = URL.parse(text);
  if (!url) throw usageError(`"${text}" is not a URL.`, example);
  const isLoopback = /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    throw usageError(`"${text}" is not a WebSocket URL: it begins with ws:// or wss://.`, example);
  if (url.protocol === 'ws:' && !isLoopback)
    throw usageError(
      'Over ws:// the token and every message would cross the network in the clear.',
      `Use wss://${url.host}${url.pathname}`,
    );
  if (url.search || url.hash || url.username)
    throw usageError('The URL holds more than host and path; a token never belongs into it.', example);
  return { url: text, tokenUrl: isLoopback ? tokenUrlOf(url) : undefined };
}

function tokenUrlOf({ protocol, host }: URL): URL {
  return new URL(`${protocol === 'ws:' ? 'http' : 'https'}://${host}/token`);
}
