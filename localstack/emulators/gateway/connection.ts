import type { WebSocket } from 'ws';
import type { GatewayContext } from './context.ts';
import type { ConnectionFacts } from './events.ts';
import { startExpiry } from './expiry.ts';

export interface CloseStatus {
  readonly code: number;
  readonly reason: string;
}

/** An upgraded connection, as the routes and `@connections` use it. */
export interface Connection {
  readonly facts: ConnectionFacts;
  /** Milliseconds since the epoch of the last data in either direction. */
  lastActiveAt(): number;
  /** Counts as data from the client. */
  touch(): void;
  isOpen(): boolean;
  /** Sends one text message, in frames within the quota. `full`: the client does not read what is waiting already. */
  send(data: Buffer): 'sent' | 'gone' | 'full';
  /** Begins the closing; from here on the connection is gone for everyone else. */
  close(code: number, reason: string): void;
}

/** What `$disconnect` is told when the client's close frame had no status. */
const noStatusReason = 'Client-side close frame status not set';

/** The close codes of what `ws` refuses to read. */
const protocolErrors: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
};

/** Registers an upgraded socket. `onClosed` comes exactly once, when the socket is gone. */
export function openConnection(
  gateway: GatewayContext,
  facts: ConnectionFacts,
  socket: WebSocket,
  onClosed: (status: CloseStatus) => void,
): Connection {
  const { limits, connections } = gateway;
  let open = true;
  let lastActiveAt = Date.now();
  let closedBecause: CloseStatus | undefined;
  const expiry = startExpiry(limits, () => connection.close(1001, 'Going away'));

  // The first reason counts: the peer's answer to our close frame is only its echo.
  function leave(status: CloseStatus): CloseStatus {
    open = false;
    expiry.stop();
    connections.delete(facts.connectionId);
    closedBecause ??= status;
    return closedBecause;
  }

  const connection: Connection = {
    facts,
    lastActiveAt: () => lastActiveAt,
    isOpen: () => open && socket.readyState === socket.OPEN,
    touch() {
      lastActiveAt = Date.now();
      expiry.touch();
    },
    send(data) {
      if (!connection.isOpen()) return 'gone';
      if (socket.bufferedAmount + data.length > limits.clientBufferBytes) return 'full';
      sendInFrames(socket, data, limits.frameBytes);
      connection.touch();
      return 'sent';
    },
    close(code, reason) {
      if (!open) return;
      leave({ code, reason });
      socket.close(code, reason);
    },
  };

  socket.on('error', (error: Error & { code?: string }) => {
    leave({ code: protocolErrors[error.code ?? ''] ?? 1002, reason: '' });
  });
  socket.on('close', (code, reason) => {
    onClosed(leave({ code, reason: code === 1005 ? noStatusReason : reason.toString() }));
  });
  connections.set(facts.connectionId, connection);
  return connection;
}

function sendInFrames(socket: WebSocket, data: Buffer, frameBytes: number): void {
  let offset = 0;
  do {
    const end = Math.min(offset + frameBytes, data.length);
    socket.send(data.subarray(offset, end), { binary: false, fin: end === data.length });
    offset = end;
  } while (offset < data.length);
}
