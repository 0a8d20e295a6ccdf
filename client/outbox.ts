import type { Message } from '#shared/protocol/replies.ts';
import { backoff, type Random } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { asPostriderError, ConnectionLost, clientError, isPassing, type PostriderError } from './errors.ts';
import { isOf, makeLookUp } from './look-up.ts';
import type { OutboxStorage, QueuedSend } from './outbox-storage.ts';
import type { Call } from './requests.ts';
import { sendFields } from './send-check.ts';
import { makeSendQueue, type QueueEntry } from './send-queue.ts';

type Outgoing = Omit<QueuedSend, 'queuedAt' | 'after' | 'owner'>;

/** Sends one message after the other in each conversation, until each is committed or refused. */
export interface Outbox {
  /** Resolves with the committed message; rejects with what refused it for good. */
  add(send: Outgoing): Promise<Message>;
  /** Not confirmed yet, oldest first. */
  queued(): QueuedSend[];
  /** Sends what can be sent now. */
  pump(): void;
  /** Learns from a message of the stream: it may be one of ours, whose confirmation was lost. */
  notice(message: Message): void;
  /** The data are another life's. */
  reset(): void;
  /** Rejects what waits. What is in the storage stays there. */
  close(): void;
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Messages that may wait. */
  readonly maxQueued: number;
  readonly storage: OutboxStorage | undefined;
  readonly call: Call;
  /** The highest seq that was seen of each conversation. */
  ends(): ReadonlyMap<string, number>;
  connection(): Connection | undefined;
  /** Whether everything that was committed before this connection has been seen. */
  isCaughtUp(): boolean;
  onSent(send: QueuedSend, message: Message): void;
  onFailed(send: QueuedSend, error: PostriderError): void;
  onStorageError(error: unknown): void;
}

/** Unconfirmed sends of different conversations, at most. */
const mostInFlight = 8;
/** After so many `internal` in a row the defect is not going to pass. */
const mostInternal = 8;

export function makeOutbox(options: OutboxOptions): Outbox {
  const { clock, random, maxQueued } = options;
  const queue = makeSendQueue({ ...options, onLoaded: pump });
  const conversations = makeConversationsOfPeers();
  const lookUp = makeLookUp({ ...options, conversationOf: conversations.idOf });
  let lastQueuedAt = 0;
  let inFlight = 0;
  let window = mostInFlight;
  let pausedUntil = 0;

  function pump(): void {
    const connection = options.connection();
    if (!connection || !queue.isLoaded() || clock.now() < pausedUntil) return;
    const busy = new Set<string>();
    for (const entry of queue.entries()) {
      if (inFlight >= window) return;
      const conversation = conversations.of(entry.send);
      if (busy.has(conversation)) continue;
      busy.add(conversation);
      // What may be committed already shows itself while the client catches up.
      const mayGo = !entry.isUncertain || options.isCaughtUp();
      if (mayGo && !entry.isInFlight && entry.retryAt <= clock.now()) void transmit(entry, connection);
    }
  }

  async function transmit(entry: QueueEntry, connection: Connection): Promise<void> {
    entry.isInFlight = true;
    inFlight += 1;
    try {
      const found = entry.isOld ? await lookUp(entry.send, connection) : undefined;
      entry.isOld = false;
      if (found) return confirm(entry, found);
      // It may have shown itself meanwhile.
      if (queue.find(entry.send.clientMessageId) !== entry) return;
      const reply = await connection.request(sendFields(entry.send));
      if (reply.type !== 'message.sent') throw clientError('no_answer', `"${reply.type}" answered "send".`);
      window = Math.min(mostInFlight, window + 1);
      confirm(entry, reply.message);
    } catch (error) {
      answerFailure(entry, error);
    } finally {
      entry.isInFlight = false;
      inFlight -= 1;
      pump();
    }
  }

  function answerFailure(entry: QueueEntry, error: unknown): void {
    if (error instanceof ConnectionLost) {
      entry.isUncertain = true;
    } else if (!isPassing(error) || (error.code === 'internal' && entry.failures >= mostInternal)) {
      fail(entry, error);
    } else if (error.code === 'rate_limited') {
      const waitMs = error.retryAfterMs ?? backoff(0, random);
      // One at a time until the budget has recovered: what is refused is work for both sides.
      window = 1;
      pausedUntil = clock.now() + waitMs;
      clock.after(waitMs, pump);
    } else {
      entry.failures += 1;
      const waitMs = backoff(entry.failures, random);
      entry.retryAt = clock.now() + waitMs;
      clock.after(waitMs, pump);
    }
  }

  function confirm(entry: QueueEntry, message: Message): void {
    conversations.learn(message);
    if (!queue.remove(entry)) return;
    entry.told.resolve(message);
    options.onSent(entry.send, message);
  }

  function fail(entry: QueueEntry, cause: unknown): void {
    if (!queue.remove(entry)) return;
    const error = asPostriderError(cause, 'The send failed.');
    entry.told.reject(error);
    options.onFailed(entry.send, error);
  }

  return {
    async add(send) {
      const same = queue.find(send.clientMessageId);
      if (same && isSame(same.send, send)) return await same.told.promise;
      if (same) throw clientError('duplicate_id', 'Another message with this clientMessageId is queued.');
      if (queue.entries().length >= maxQueued)
        throw clientError('queue_full', `${maxQueued} messages wait to be sent already.`);
      lastQueuedAt = Math.max(clock.now(), lastQueuedAt + 1);
      const end = options.ends().get(conversations.idOf(send) ?? '');
      const entry = queue.add({ ...send, queuedAt: lastQueuedAt, ...(end !== undefined && { after: end }) });
      pump();
      return await entry.told.promise;
    },
    queued: () => queue.entries().map(({ send }) => send),
    pump,
    notice(message) {
      conversations.learn(message);
      const entry = queue.find(message.clientMessageId ?? '');
      if (!entry || !isOf(message, entry.send)) return;
      const wasSent = entry.isUncertain || entry.isInFlight || entry.failures > 0;
      if (wasSent && conversations.of(entry.send) === message.conversationId) confirm(entry, message);
    },
    reset: queue.forgetEnds,
    close() {
      const waiting = queue.entries();
      queue.close();
      for (const { told } of waiting)
        told.reject(clientError('closed', 'The client was closed before this message was confirmed.'));
    },
  };
}

function isSame(one: Outgoing, other: Outgoing): boolean {
  return (
    one.content === other.content &&
    one.recipientId === other.recipientId &&
    one.conversationId === other.conversationId
  );
}

/** A conversation may be named by its id or by the other person: learns which of them are the same. */
function makeConversationsOfPeers() {
  const conversationOf = new Map<string, string>();
  const idOf = ({ conversationId, recipientId = '' }: Outgoing): string | undefined =>
    conversationId ?? conversationOf.get(recipientId);
  return {
    idOf,
    of: (send: Outgoing): string => idOf(send) ?? `with ${send.recipientId}`,
    learn({ senderId, recipientId, conversationId }: Message): void {
      // One of the two is this user, whom nothing is sent to.
      for (const member of [senderId, recipientId])
        if (member !== undefined) conversationOf.set(member, conversationId);
    },
  };
}
