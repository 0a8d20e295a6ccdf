import type { Message } from '#test/contract/support/shapes.ts';
import type { Socket, SocketListener } from '../aws/gateway.ts';
import type { Scheduler } from '../scheduler.ts';

/** A frame from the server, as a client reads it. */
export interface Frame {
  readonly type?: string;
  readonly requestId?: string;
  readonly code?: string;
  readonly message?: Message;
  readonly messages?: readonly Message[];
  readonly duplicate?: boolean;
  readonly more?: boolean;
  readonly epoch?: string;
  readonly cursor?: string;
  readonly retryAfterMs?: number;
  readonly conversations?: readonly {
    readonly conversationId: string;
    readonly lastSeq: number;
    readonly deliveredSeq: number;
    readonly readSeq: number;
    readonly unread: number;
  }[];
}

/** What came for one request: its answer, if it came in time, and the pages before it. */
export interface Answered {
  readonly frame: Frame | undefined;
  readonly pages: readonly Frame[];
}

interface Options {
  readonly scheduler: Scheduler;
  readonly open: (listener: SocketListener) => Promise<Socket | undefined>;
  readonly onPush: (frame: Frame, hasReconnected: boolean) => void;
  readonly onEpochChanged: () => void;
}

/** One connection of a device: requests with their answers, and pushes. */
export interface DeviceConnection {
  request(frame: object, timeoutMs: number): Promise<Answered>;
  /** A frame whose answer nobody waits for. */
  post(frame: object): void;
  leave(): void;
  readonly isOpen: () => boolean;
}

interface Waiting {
  readonly pages: Frame[];
  readonly end: (frame: Frame | undefined) => void;
}

export async function openConnection(options: Options): Promise<DeviceConnection | undefined> {
  const { scheduler, onPush, onEpochChanged } = options;
  const waiting = new Map<string, Waiting>();
  let requests = 0;
  let hasReconnected = false;
  let isOver = false;

  const end = () => {
    isOver = true;
    for (const one of [...waiting.values()]) one.end(undefined);
  };
  const socket = await options.open({
    onClose: end,
    onFrame(text) {
      const frame: Frame = JSON.parse(text);
      if (frame.code === 'epoch_changed') onEpochChanged();
      const asked = frame.requestId === undefined ? undefined : waiting.get(frame.requestId);
      if (frame.type === 'reconnect.page') asked?.pages.push(frame);
      else if (asked) asked.end(frame);
      else if (frame.type === 'message.new') onPush(frame, hasReconnected);
    },
  });
  if (!socket) return undefined;

  const send = (frame: object) => {
    hasReconnected ||= 'action' in frame && frame.action === 'reconnect';
    socket.send(JSON.stringify(frame));
  };
  return {
    isOpen: () => !isOver && socket.isOpen(),
    post: send,
    leave() {
      socket.leave();
      end();
    },
    request(frame, timeoutMs) {
      requests += 1;
      const requestId = `request-${requests}`;
      return new Promise((resolve) => {
        const pages: Frame[] = [];
        const done = (answer: Frame | undefined) => {
          if (!waiting.delete(requestId)) return;
          scheduler.cancel(timeLimit);
          resolve({ frame: answer, pages });
        };
        waiting.set(requestId, { pages, end: done });
        const timeLimit = scheduler.after(isOver ? 0 : timeoutMs, () => done(undefined));
        if (!isOver) send({ ...frame, requestId });
      });
    },
  };
}
