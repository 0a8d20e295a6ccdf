import type { ErrorFrame } from '#shared/protocol/errors.ts';
import { bearerSubprotocolPrefix, subprotocol } from '#shared/protocol/limits.ts';
import type { Push, Reply, ServerFrame } from '#shared/protocol/replies.ts';
import type { Clock } from './clock.ts';
import { ConnectionLost, clientError, type Loss, type PostriderError, serverError } from './errors.ts';
import { frameOf, type RequestFields } from './frame.ts';
import { makeReplies, type OnPage } from './replies.ts';
import type { WebSocketConstructor, WebSocketLike } from './web-socket.ts';

/** One WebSocket connection: replies find their requests, silence is noticed, the end is told once. */
export interface Connection {
  /**
   * Resolves with the reply. Rejects with the server's error, with `too_large` for a frame that may not be sent, with `no_answer` if there is none in time although the
   * connection is alive, or with `ConnectionLost`.
   */
  request(fields: RequestFields, onPage?: OnPage): Promise<Reply>;
  /** Asks for a sign of life; a connection that gives none ends. */
  probe(): void;
  /** Ends once the replies that are under way have come. */
  closeWhenIdle(): void;
  close(): void;
  /** Why it ended, if it has. */
  loss(): Loss | undefined;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  /** Milliseconds to wait for the handshake, and for each reply. */
  readonly replyTimeoutMs: number;
  /** Milliseconds without a frame from the server until it is asked for one. */
  readonly pingIntervalMs: number;
  onOpen(): void;
  onPush(push: Push): void;
  /** An error that answers no request of ours. */
  onStrayError(error: PostriderError): void;
  /** Called once, whether it ever opened or not; nothing is called afterwards. */
  onEnd(loss: Loss): void;
}

/** After these the server closes, or could as well; whoever waits for an answer asks again over the next connection. */
const endings = new Map<string, Loss['reason']>([
  ['unauthenticated', 'token_expired'],
  ['too_many_connections', 'too_many_connections'],
  ['epoch_changed', 'epoch_changed'],
]);

/** Starts to open a connection. Throws if the WebSocket refuses its arguments. */
export function openConnection(options: ConnectionOptions): Connection {
  const { clock, replyTimeoutMs, pingIntervalMs } = options;
  const protocols = [subprotocol, `${bearerSubprotocolPrefix}${options.token}`];
  const socket = new options.WebSocket(options.url, protocols);
  let isOpen = false;
  let ended: Loss | undefined;
  let closesWhenIdle = false;
  let isProbing = false;
  let requests = 0;
  let cancelTimer = clock.after(replyTimeoutMs, () => end({ reason: 'refused' }));

  const replies = makeReplies(clock, replyTimeoutMs, (requestId, isSilent) => {
    if (isSilent) end({ reason: 'silent' });
    else replies.reject(requestId, clientError('no_answer', `No answer came within ${replyTimeoutMs} ms.`));
  });

  function end(loss: Loss): void {
    if (ended) return;
    ended = loss;
    cancelTimer();
    // On a dead network the close event may come minutes later, so nobody waits for it.
    socket.close(1000);
    options.onEnd(loss);
    replies.rejectAll(new ConnectionLost(loss));
  }

  async function request(fields: RequestFields, onPage?: OnPage): Promise<Reply> {
    if (ended) throw new ConnectionLost(ended);
    requests += 1;
    const requestId = String(requests);
    const frame = frameOf(fields, requestId);
    const reply = replies.expect(requestId, onPage);
    try {
      socket.send(frame);
    } catch {
      end({ reason: 'lost' });
    }
    return await reply.finally(() => closesWhenIdle && closeIfIdle());
  }

  function closeIfIdle(): void {
    closesWhenIdle = true;
    if (replies.count() === 0) end({ reason: 'replaced' });
  }

  function probe(): void {
    // Its failure has ended the connection already.
    if (!isOpen || isProbing) return;
    isProbing = true;
    const finish = () => {
      isProbing = false;
    };
    request({ action: 'ping' }).then(finish, finish);
  }

  function awaitNextFrame(): void {
    cancelTimer();
    cancelTimer = clock.after(pingIntervalMs, () => {
      probe();
      awaitNextFrame();
    });
  }

  function answerError(frame: ErrorFrame): void {
    const reason = endings.get(frame.code);
    if (reason) end({ reason });
    else if (frame.requestId === undefined) options.onStrayError(serverError(frame));
    else replies.reject(frame.requestId, serverError(frame));
  }

  listen(socket, {
    onOpen() {
      // It may have been given up while it opened.
      if (ended) return socket.close(1000);
      isOpen = true;
      awaitNextFrame();
      options.onOpen();
    },
    onFrame(frame) {
      if (ended) return;
      replies.heard();
      awaitNextFrame();
      // API Gateway's own error names no request of ours, so everybody asks again.
      if (frame === 'gateway error')
        replies.rejectAll(clientError('no_answer', 'The server failed to answer.'));
      else if (frame === 'unknown') return;
      else if (frame.type === 'error') answerError(frame);
      else if (frame.type === 'message.new' || frame.type === 'receipt') options.onPush(frame);
      else if (frame.type === 'reconnect.page') replies.page(frame.requestId ?? '', frame.messages);
      else replies.resolve(frame.requestId ?? '', frame);
    },
    onClose: (closeCode) =>
      end({ reason: isOpen ? 'lost' : 'refused', ...(closeCode !== undefined && { closeCode }) }),
  });

  return {
    request,
    probe,
    closeWhenIdle: closeIfIdle,
    close: () => end({ reason: 'replaced' }),
    loss: () => ended,
  };
}

interface SocketListeners {
  onOpen(): void;
  onFrame(frame: ServerFrame | 'gateway error' | 'unknown'): void;
  onClose(closeCode: number | undefined): void;
}

function listen(socket: WebSocketLike, { onOpen, onFrame, onClose }: SocketListeners): void {
  socket.addEventListener('open', onOpen);
  socket.addEventListener('message', ({ data }) => onFrame(parseFrame(data)));
  // A failed handshake closes as well, but `ws` throws what nobody listens to.
  socket.addEventListener('error', () => {});
  socket.addEventListener('close', ({ code }) => onClose(code));
}

/** The frame; `gateway error` for API Gateway's "Internal server error"; `unknown` for what a later server may send. */
function parseFrame(data: unknown): ServerFrame | 'gateway error' | 'unknown' {
  try {
    const frame = JSON.parse(String(data)) as { type?: unknown; message?: unknown };
    if (typeof frame.type === 'string') return frame as ServerFrame;
    return typeof frame.message === 'string' ? 'gateway error' : 'unknown';
  } catch {
    return 'unknown';
  }
}
