/** API Gateway meters by it, and the contract promises it for every frame. Bytes. */
export const FRAME_BYTES = 32_768;
/** How long a frame may take before a test gives up. Generous: nothing here measures speed. Milliseconds. */
export const WAIT_MS = Number(process.env.POSTRIDER_WAIT_MS ?? 20_000);
/** What a server sends unasked. */
export const PUSH_TYPES: ReadonlySet<unknown> = new Set(['message.new', 'receipt']);

const REPLY_TYPES: ReadonlySet<unknown> = new Set([
  'message.sent',
  'reconnect.page',
  'reconnect.done',
  'ok',
  'pong',
  'history.page',
  'conversations.page',
  'error',
]);

/** A frame as it went over the wire: one JSON object. */
export type Frame = Readonly<Record<string, unknown>>;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** Nothing came, and nothing will: the connection has ended, or time was up. What was asked for may have happened or not. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** What has arrived on one connection. */
export interface Inbox {
  /** Every frame, in the order of arrival. */
  readonly received: readonly Frame[];
  /** What the server did that no server may do, whatever the test is about. */
  readonly violations: readonly string[];
  accept(data: Buffer, isBinary: boolean): void;
  end(closing: Closing): void;
  /** Resolves with the first frame at or after index `from` that matches; rejects when none can come any more. */
  waitFor(match: (frame: Frame) => boolean, what: string, from?: number): Promise<Frame>;
  pushes(type: string): Frame[];
  /** How the connection ended; rejects when it stays open. */
  closing(): Promise<Closing>;
}

function isObject(value: unknown): value is Frame {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(data: Buffer, report: (violation: string) => void): Frame {
  if (data.length > FRAME_BYTES) {
    report(`a frame of ${data.length} bytes`);
  }
  try {
    const value: unknown = JSON.parse(data.toString());
    if (isObject(value)) {
      return value;
    }
  } catch {
    // Reported below, with everything else that is no JSON object.
  }
  report(`a frame that is no JSON object: ${data.toString().slice(0, 200)}`);
  return {};
}

/** The rules that hold for every frame of the server. */
function makeFrameRules(report: (violation: string) => void): (frame: Frame) => void {
  const done = new Set<unknown>();
  return (frame) => {
    const { type, requestId } = frame;
    if (!PUSH_TYPES.has(type) && !REPLY_TYPES.has(type)) {
      report(`a frame of no known type: ${JSON.stringify(frame).slice(0, 200)}`);
    }
    if (PUSH_TYPES.has(type) && 'requestId' in frame) {
      report(`a push with a requestId: ${String(type)}`);
    }
    if (type === 'reconnect.page' && requestId !== undefined && done.has(requestId)) {
      report('a reconnect.page after its reconnect.done');
    }
    if (type === 'reconnect.done') {
      done.add(requestId);
    }
  };
}

/** Gives up on `promise` after WAIT_MS. */
async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new NoAnswer(`${what}: waited ${WAIT_MS} ms`)), WAIT_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Collects what arrives, judges it by the rules that always hold, and wakes whoever waits for it. */
export function makeInbox(): Inbox {
  const received: Frame[] = [];
  const violations: string[] = [];
  const report = (violation: string) => void violations.push(violation);
  const judge = makeFrameRules(report);
  const ended = Promise.withResolvers<Closing>();
  let arrival = Promise.withResolvers<void>();
  let closing: Closing | undefined;
  const wake = () => {
    arrival.resolve();
    arrival = Promise.withResolvers();
  };

  async function waitFor(match: (frame: Frame) => boolean, what: string, from = 0): Promise<Frame> {
    for (let next = from; ; next += 1) {
      while (next >= received.length) {
        if (closing) {
          throw new NoAnswer(`${what}: the connection was closed (${closing.code} ${closing.reason})`);
        }
        await within(arrival.promise, what);
      }
      const frame = received[next];
      if (frame && match(frame)) {
        return frame;
      }
    }
  }

  return {
    received,
    violations,
    accept: (data, isBinary) => {
      if (isBinary) {
        report('a binary frame');
      }
      const frame = parse(data, report);
      judge(frame);
      received.push(frame);
      wake();
    },
    end: (how) => {
      closing = how;
      ended.resolve(how);
      wake();
    },
    waitFor,
    pushes: (type) => received.filter((frame) => frame.type === type),
    closing: () => within(ended.promise, 'the end of the connection'),
  };
}
