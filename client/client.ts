import type { ConversationSummary, Message, Push } from '#shared/protocol/replies.ts';
import { makeAcknowledgements } from './acknowledgements.ts';
import { makeCatchUp } from './catch-up.ts';
import { within } from './clock.ts';
import { asPostriderError, clientError, type PostriderError } from './errors.ts';
import { type Listener, makeEvents } from './events.ts';
import { makeGapFiller } from './gap-filler.ts';
import { type Gap, makeInbox } from './inbox.ts';
import { type ClientOptions, withDefaults } from './options.ts';
import { makeOutbox } from './outbox.ts';
import type { QueuedSend } from './outbox-storage.ts';
import { lateMs } from './patience.ts';
import { makeReadMarks } from './read-marks.ts';
import { makeReceipts, type Receipt } from './receipts.ts';
import { makeCall } from './requests.ts';
import { checkOutgoing, type OutgoingMessage } from './send-check.ts';
import { makeSession, type State, type StateChange } from './session.ts';

export interface ClientEvents {
  state: StateChange;
  /**
   * Each message of each conversation once and in order, one's own included. It counts as arrived, and is acknowledged,
   * when what the listeners returned has resolved; until then the next one of its conversation waits.
   */
  message: Message;
  /** Messages that will never come: deleted from the table, or unreadable. Told before the message that follows them. */
  gap: Gap;
  receipt: Receipt;
  /** A queued message was committed. */
  sent: { readonly send: QueuedSend; readonly message: Message };
  /** A queued message was refused for good. */
  failed: { readonly send: QueuedSend; readonly error: PostriderError };
  /**
   * The server's data began anew: a restored backup, or a local stack that was started again. What this device keeps of
   * them no longer holds: delete it, and everything comes as messages again. They wait until what the listeners returned has
   * resolved.
   */
  reset: Reset;
  /** What no promise tells. The client goes on by itself. */
  error: PostriderError;
}

export interface Reset {
  readonly reason: 'epoch_changed';
}

/** What a device that keeps messages stores, as one value, and gives to `createClient` among its options next time. */
export interface ResumePoint {
  readonly positions: Readonly<Record<string, number>>;
  /** Which life of the server's data they belong to. */
  readonly epoch?: string;
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** A seq, exclusive; either this or `after`, and neither for the newest. */
  readonly before?: number;
  readonly after?: number;
  /** 1–100, 50 by default. */
  readonly limit?: number;
}

export interface HistoryPage {
  /** Ascending. */
  readonly messages: readonly Message[];
  /** Whether there are more in the direction that was walked. */
  readonly more: boolean;
}

export interface ConversationsPage {
  /** Newest first. */
  readonly conversations: readonly ConversationSummary[];
  /** For the next page; absent on the last. */
  readonly cursor?: string;
}

/** A user's device. Every promise rejects with a `PostriderError`, whose `code` and `remedy` say what to do. */
export interface Client {
  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void;
  state(): State;
  /**
   * Connects and stays connected. Call it again when the network or the page comes back: a waiting attempt is made at
   * once. An open connection is asked for what it may have missed, and ends if it gives no sign of life.
   */
  connect(): void;
  /** Ends the connection. The queue stays, and what is asked for waits until the next `connect`. */
  disconnect(): void;
  /**
   * Ends everything; what waits, and whatever is asked for afterwards, rejects with `closed`. What is in the storage goes
   * out with the next client.
   */
  close(): void;
  /** Queues a message; resolves with it as it was committed. Without a connection it waits, in order. */
  send(message: OutgoingMessage): Promise<Message>;
  /** Messages that are not confirmed yet, oldest first. */
  queued(): QueuedSend[];
  /** Everything up to `seq` was read. Waits for a connection. */
  read(conversationId: string, seq: number): Promise<void>;
  history(query: HistoryQuery): Promise<HistoryPage>;
  conversations(query?: { readonly cursor?: string; readonly limit?: number }): Promise<ConversationsPage>;
  block(userId: string): Promise<void>;
  unblock(userId: string): Promise<void>;
  /** The highest seq of each conversation up to which everything was handled. To store them, take `resumePoint`. */
  positions(): Record<string, number>;
  resumePoint(): ResumePoint;
}

/** Milliseconds that a request which is not queued waits for a connection and an answer. */
const requestTimeoutMs = 30_000;

/** A client that is not connected yet. Throws a `PostriderError`, `bad_options`, for options that can never connect. */
export function createClient(given: ClientOptions): Client {
  const options = withDefaults(given);
  const events = makeEvents<ClientEvents>();
  const receipts = makeReceipts();
  const isGiven = Object.keys(options.positions ?? {}).length > 0;
  const life = { epoch: options.epoch, isTold: isGiven };
  const tell = (error: PostriderError) => void events.emit('error', error);
  const onError = (cause: unknown) => {
    const error = asPostriderError(cause, 'Something failed.');
    // Whoever closed the client knows.
    if (error.code !== 'closed') tell(error);
  };
  let gaps = 0;
  /** Something is missing, which the next change to `connected` tells. */
  let hasLost = false;
  let isClosed = false;

  const inbox = makeInbox({
    ...options,
    async onMessage(message) {
      outbox.notice(message);
      await events.emit('message', message);
    },
    async onGap(gap) {
      gaps += 1;
      await events.emit('gap', gap);
    },
    // The server tells `clientMessageId` to the sender alone.
    onHandled: ({ conversationId, clientMessageId }, position) =>
      acknowledgements.add(conversationId, position, { isOwn: clientMessageId !== undefined }),
    onBehind: (conversationId) => gapFiller.start(conversationId),
    onResumed: () => session.look(),
    onLate: (ms) =>
      tell(clientError('handler_failed', `A listener of messages has not ended within ${ms / 1_000} s.`)),
  });
  const session = makeSession({
    ...options,
    async catchUp(connection) {
      const before = gaps;
      try {
        const { isWhole } = await gapFiller.pauseFor(() => catchUp(connection));
        if (!isWhole) hasLost = true;
      } finally {
        if (gaps > before) hasLost = true;
      }
      const recovered = !hasLost;
      hasLost = false;
      return { recovered };
    },
    onPush: receive,
    onState: (change) => void events.emit('state', change),
    onError: tell,
    onLine: () => outbox.pump(),
    onEpochChanged: forgetLife,
  });
  const call = makeCall({ ...options, line: session });
  const gapFiller = makeGapFiller({ ...options, inbox, call, onError });
  const acknowledgements = makeAcknowledgements({
    ...options,
    call,
    delayMs: options.ackDelayMs,
    connection: session.connection,
    isRunning: () => session.state() !== 'disconnected',
    onError,
  });
  const catchUp = makeCatchUp({ ...options, inbox, acknowledgements, call, life });
  const outbox = makeOutbox({
    ...options,
    call,
    ends: inbox.ends,
    connection: session.connection,
    isCaughtUp: () => session.state() === 'connected',
    onSent(send, message) {
      void events.emit('sent', { send, message });
      inbox.accept(message);
    },
    onFailed: (send, error) => void events.emit('failed', { send, error }),
    onStorageError: (cause) => tell(clientError('storage_failed', 'The outbox was not stored.', cause)),
  });

  function receive(push: Push): void {
    if (push.type === 'message.new') {
      inbox.accept(push.message);
    } else {
      const receipt = receipts.latest(push);
      if (receipt) void events.emit('receipt', receipt);
    }
  }

  /** Of a life of the data that is over nothing is kept. */
  async function forgetLife(): Promise<void> {
    hasLost = true;
    life.epoch = undefined;
    life.isTold = false;
    inbox.reset();
    acknowledgements.reset();
    receipts.reset();
    outbox.reset();
    const late = () => clientError('handler_failed', 'A listener of "reset" has not ended in time.');
    await within(events.emit('reset', { reason: 'epoch_changed' }), { ...options, ms: lateMs, late }).catch(
      tell,
    );
  }

  /** Makes `work` reject with `closed` after the end. */
  function whileOpen<Arguments extends unknown[], Result>(work: (...given: Arguments) => Promise<Result>) {
    return async (...given: Arguments): Promise<Result> => {
      if (isClosed) throw clientError('closed', 'The client was closed.');
      return await work(...given);
    };
  }

  function disconnect(): void {
    acknowledgements.end();
    session.disconnect();
  }

  const timeoutMs = requestTimeoutMs;
  return {
    on: events.on,
    state: session.state,
    connect() {
      if (!isClosed) session.connect();
    },
    disconnect,
    close() {
      disconnect();
      isClosed = true;
      session.close();
      outbox.close();
      inbox.close();
    },
    send: whileOpen(async (message) => {
      const outgoing = { ...message, clientMessageId: message.clientMessageId ?? options.newId() };
      checkOutgoing(outgoing);
      return await outbox.add(outgoing);
    }),
    queued: outbox.queued,
    read: whileOpen(makeReadMarks(call)),
    history: whileOpen(async (query) => {
      const { messages, more } = await call('history.page', { action: 'history', ...query }, { timeoutMs });
      return { messages, more };
    }),
    conversations: whileOpen(async (query = {}) => {
      const fields = { action: 'conversations', ...query } as const;
      const { conversations, cursor } = await call('conversations.page', fields, { timeoutMs });
      return { conversations, ...(cursor !== undefined && { cursor }) };
    }),
    block: whileOpen(async (userId) => {
      await call('ok', { action: 'block', userId }, { timeoutMs });
    }),
    unblock: whileOpen(async (userId) => {
      await call('ok', { action: 'unblock', userId }, { timeoutMs });
    }),
    resumePoint: () => ({
      positions: Object.fromEntries(inbox.positions()),
      ...(life.epoch !== undefined && { epoch: life.epoch }),
    }),
    positions: () => Object.fromEntries(inbox.positions()),
  };
}
