import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RawData, WebSocket } from 'ws';
import { type Frame, type Inbox, makeInbox, PUSH_TYPES, WAIT_MS } from './inbox.ts';

/** One WebSocket connection, with nothing between the test and the wire but JSON and the pairing of replies. */
export interface Client extends Inbox {
  /** The subprotocol that the server selected; empty when none. */
  readonly protocol: string;
  isOpen(): boolean;
  sendText(text: string): void;
  sendBinary(bytes: Uint8Array): void;
  /** One message in several WebSocket frames. */
  sendFragments(parts: readonly string[]): void;
  /** Sends `text` and gives the first frame after it that is no push; for requests without a requestId. */
  exchange(text: string): Promise<Frame>;
  /** Sends a request (with a fresh requestId unless it has one) and gives its last reply. */
  requestOnce(fields: Frame): Promise<Frame>;
  /** The same, but waits and repeats while the answer is `rate_limited`. */
  request(fields: Frame): Promise<Frame>;
  /** Cuts the connection without a closing handshake, as a lost network does. */
  drop(): void;
  close(): Promise<void>;
}

export type Handshake =
  | { readonly opened: true; readonly client: Client }
  | { readonly opened: false; readonly status: number; readonly headers: IncomingHttpHeaders };

export interface HandshakeOptions {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

const MAX_RATE_LIMIT_WAITS = 50;
/** Of each place: what a device would have stored with its positions. */
const epochs = new Map<string, unknown>();

/** Tries to open a connection and gives either it or the status with which the handshake was refused. */
export function attempt(url: string, { protocols = [], headers = {} }: HandshakeOptions): Promise<Handshake> {
  const socket = new WebSocket(url, [...protocols], {
    headers,
    perMessageDeflate: false,
    handshakeTimeout: WAIT_MS,
  });
  const inbox = makeInbox();
  socket.on('message', (data: RawData, isBinary: boolean) => {
    inbox.accept(data as Buffer, isBinary);
    const frame = inbox.received.at(-1);
    if (frame?.type === 'reconnect.done') epochs.set(url, frame.epoch);
  });
  socket.on('close', (code, reason) => inbox.end({ code, reason: reason.toString() }));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => resolve({ opened: true, client: makeClient(url, socket, inbox) }));
    socket.on('unexpected-response', (request, response) => {
      resolve({ opened: false, status: response.statusCode ?? 0, headers: response.headers });
      request.destroy();
    });
  });
}

/** API Gateway's own answer where a function failed. It does not say to which request, so whoever waits takes it. */
export function isGatewayError({ type, message }: Frame): boolean {
  return type === undefined && message === 'Internal server error';
}

/** Positions are handed back with their epoch, unless a test names one, or `undefined` for none. */
function withEpoch(url: string, fields: Frame): Frame {
  const { action, positions } = fields;
  const namesPlaces = action === 'reconnect' && Object.keys(Object(positions)).length > 0;
  return namesPlaces && !('epoch' in fields) ? { ...fields, epoch: epochs.get(url) } : fields;
}

function makeRequestOnce(url: string, socket: WebSocket, inbox: Inbox): Client['requestOnce'] {
  return async (fields) => {
    const requestId = fields.requestId ?? randomUUID();
    const from = inbox.received.length;
    socket.send(JSON.stringify({ ...withEpoch(url, fields), requestId }));
    const isReply = (frame: Frame) =>
      isGatewayError(frame) || (frame.requestId === requestId && frame.type !== 'reconnect.page');
    return await inbox.waitFor(isReply, `the reply to ${String(fields.action)}`, from);
  };
}

function makeClient(url: string, socket: WebSocket, inbox: Inbox): Client {
  const requestOnce = makeRequestOnce(url, socket, inbox);
  return {
    ...inbox,
    protocol: socket.protocol,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    sendText: (text) => socket.send(text),
    sendBinary: (bytes) => socket.send(bytes, { binary: true }),
    sendFragments: (parts) => {
      for (const [index, part] of parts.entries()) {
        socket.send(part, { fin: index === parts.length - 1 });
      }
    },
    exchange: async (text) => {
      const from = inbox.received.length;
      socket.send(text);
      return await inbox.waitFor((frame) => !PUSH_TYPES.has(frame.type), 'an answer', from);
    },
    requestOnce,
    request: async (fields) => {
      for (let waits = 0; ; waits += 1) {
        const reply = await requestOnce(fields);
        if (reply.code !== 'rate_limited' || waits === MAX_RATE_LIMIT_WAITS) {
          return reply;
        }
        await sleep(Number(reply.retryAfterMs));
      }
    },
    drop: () => socket.terminate(),
    close: async () => {
      socket.close();
      await inbox.closing();
    },
  };
}
