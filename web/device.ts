import type { Message } from '#shared/protocol/replies.ts';
import { type Client, type ClientEvents, createClient } from '../client/client.ts';
import { PostriderError } from '../client/errors.ts';
import type { Listener } from '../client/events.ts';
import type { OutboxStorage, QueuedSend } from '../client/outbox-storage.ts';
import type { StateChange } from '../client/session.ts';
import {
  applyEarlier,
  applyNew,
  applyRead,
  applyReceipt,
  applySummary,
  type Conversation,
  type Failed,
  makeConversation,
  oldestShown,
  peerOf,
} from './conversation.ts';
import { explainRefusal } from './explain.ts';
import type { Memory } from './memory.ts';

export interface DeviceOptions {
  readonly user: string;
  /** No other device's, and the same when the page is loaded anew, as long as none before it is removed. */
  readonly name: string;
  readonly url: string;
  readonly storage: OutboxStorage;
  readonly memory: Memory;
  getToken(): Promise<string>;
  /** Another conversation was opened. */
  onShow(peer: string): void;
  /** Something that is shown has changed. */
  onChange(): void;
  /** A message of somebody else has just come. */
  onIncoming(message: Message): void;
  onProblem(text: string): void;
}

/** One device of one person: its client and what it shows. It is silent until it is woken. */
export interface Device {
  readonly user: string;
  readonly conversations: ReadonlyMap<string, Conversation>;
  /** The conversation that is open. */
  open(): Conversation;
  show(peer: string): void;
  lastChange(): StateChange;
  isOffline(): boolean;
  setOffline(offline: boolean): void;
  /** Connects; also when the network or the page is back. */
  wake(): void;
  queued(): QueuedSend[];
  /** Rejects with the reason, in words, if this cannot be sent at all. */
  send(content: string): Promise<void>;
  retry(clientMessageId: string): Promise<void>;
  discard(clientMessageId: string): void;
  loadEarlier(): Promise<void>;
  /** The person has seen what is open. */
  markRead(): Promise<void>;
  setBlocked(blocked: boolean): Promise<void>;
  close(): void;
}

const pageOfHistory = 30;
const before: StateChange = { state: 'disconnected', previous: 'disconnected', reason: 'disconnect' };

export function makeDevice(options: DeviceOptions, firstPeer: string): Device {
  const { user, name, memory, onChange, onProblem } = options;
  const client = createClient(options);
  const conversations = new Map<string, Conversation>();
  let shown = conversationWith(firstPeer);
  let lastChange = before;
  let isOffline = false;
  let loading: Conversation | undefined;
  for (const failed of memory.recallFailed(name)) addFailed(failed);

  function conversationWith(peer: string): Conversation {
    const conversation = conversations.get(peer) ?? {
      ...makeConversation(peer),
      ...memory.recall(user, peer),
    };
    conversations.set(peer, conversation);
    return conversation;
  }

  function conversationOf({ recipientId }: QueuedSend): Conversation {
    return conversationWith(recipientId ?? shown.peer);
  }

  function addFailed(failed: Failed): void {
    conversationOf(failed.send).failed.set(failed.send.clientMessageId, failed);
  }

  function forgetFailed({ failed }: Conversation, clientMessageId: string): void {
    if (failed.delete(clientMessageId)) memory.forgetFailed(name, clientMessageId);
    onChange();
  }

  listen(client, {
    state(change) {
      lastChange = change;
      onChange();
      if (change.state === 'connected') void refresh();
    },
    message(message) {
      applyNew(conversationWith(peerOf(user, [message.senderId, message.recipientId])), message, user);
      if (message.senderId !== user) options.onIncoming(message);
      onChange();
    },
    receipt(receipt) {
      // It may be here before the confirmation of a first message, which tells the conversation's id.
      const found = conversations.get(receipt.userId);
      if (found) {
        applyReceipt(found, receipt);
        memory.keep(user, found.peer, { deliveredSeq: found.deliveredSeq, readSeq: found.readSeq });
      }
      onChange();
    },
    reset() {
      startAnew();
      onProblem(
        'The server’s data began anew, for instance from a backup. What is shown here was loaded anew.',
      );
    },
    // It may have been refused at first.
    sent: ({ send }) => forgetFailed(conversationOf(send), send.clientMessageId),
    failed({ send, error }) {
      const failed = { send, reason: explain(error, conversationOf(send)) };
      addFailed(failed);
      onChange();
      memory.keepFailed(name, failed);
    },
    error({ code, message, remedy }) {
      // The stack that gives tokens is the stack that gives connections: the state says it already.
      if (code !== 'token_failed') onProblem(`${message} ${remedy}`);
    },
  });

  /** The server knows nothing of what was shown here, or something else. What was not sent stays. */
  function startAnew(): void {
    for (const { peer } of conversations.values()) memory.keep(user, peer, { deliveredSeq: 0, readSeq: 0 });
    conversations.clear();
    shown = conversationWith(shown.peer);
    for (const failed of memory.recallFailed(name)) addFailed(failed);
    onChange();
  }

  /** Unread counts and conversations that began elsewhere. */
  async function refresh(): Promise<void> {
    try {
      const page = await client.conversations();
      for (const summary of page.conversations)
        applySummary(conversationWith(peerOf(user, summary.members)), summary);
      onChange();
      if (!shown.isLoaded) await loadEarlier();
    } catch {
      // The next connection brings another attempt.
    }
  }

  async function loadEarlier(): Promise<void> {
    const conversation = shown;
    const { conversationId } = conversation;
    if (conversationId === undefined || !conversation.hasEarlier || loading === conversation) return;
    loading = conversation;
    try {
      const oldest = oldestShown(conversation);
      const query = { conversationId, limit: pageOfHistory, ...(oldest !== undefined && { before: oldest }) };
      const { messages, more } = await client.history(query);
      applyEarlier(conversation, messages, more);
    } catch (error) {
      onProblem(explain(error, conversation));
    } finally {
      loading = undefined;
      onChange();
    }
  }

  async function send(content: string, clientMessageId: string): Promise<void> {
    const conversation = shown;
    const { peer, failed } = conversation;
    const before = failed.get(clientMessageId);
    const sending = client.send({ recipientId: peer, content, clientMessageId });
    onChange();
    try {
      await sending;
    } catch (error) {
      // What failed after it was queued is shown among the messages.
      if (failed.get(clientMessageId) === before) throw new Error(explain(error, conversation));
    }
  }

  return {
    user,
    conversations,
    open: () => shown,
    show(peer) {
      shown = conversationWith(peer);
      options.onShow(peer);
      onChange();
      if (!shown.isLoaded) void loadEarlier();
    },
    lastChange: () => lastChange,
    isOffline: () => isOffline,
    setOffline(offline) {
      isOffline = offline;
      if (offline) client.disconnect();
      else client.connect();
    },
    wake: () => isOffline || client.connect(),
    queued: client.queued,
    send: (content) => send(content, crypto.randomUUID()),
    async retry(clientMessageId) {
      const failed = shown.failed.get(clientMessageId);
      // It stays among the failed until it is sent, so that it cannot be lost on the way.
      if (failed) await send(failed.send.content, clientMessageId);
    },
    discard: (clientMessageId) => forgetFailed(shown, clientMessageId),
    loadEarlier,
    async markRead() {
      const seq = applyRead(shown);
      if (shown.conversationId === undefined || seq === undefined) return;
      onChange();
      await client.read(shown.conversationId, seq).catch((error) => onProblem(explain(error, shown)));
    },
    async setBlocked(blocked) {
      const conversation = shown;
      const { peer } = conversation;
      try {
        await (blocked ? client.block(peer) : client.unblock(peer));
        conversation.isBlocked = blocked;
        memory.keep(user, peer, { isBlocked: blocked });
      } catch (error) {
        onProblem(explain(error, conversation));
      }
      onChange();
    },
    close: client.close,
  };
}

function listen(
  client: Client,
  listeners: { readonly [Name in keyof ClientEvents]?: Listener<ClientEvents[Name]> },
): void {
  const add = <Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>) =>
    listener && client.on(name, listener);
  add('state', listeners.state);
  add('message', listeners.message);
  add('receipt', listeners.receipt);
  add('reset', listeners.reset);
  add('sent', listeners.sent);
  add('failed', listeners.failed);
  add('error', listeners.error);
}

function explain(error: unknown, conversation: Conversation): string {
  return error instanceof PostriderError ? explainRefusal(error, conversation) : String(error);
}
