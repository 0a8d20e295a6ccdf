import { limits } from '#shared/protocol/limits.ts';
import type { Message } from '#shared/protocol/replies.ts';
import type { Connection } from './connection.ts';
import type { QueuedSend } from './outbox-storage.ts';
import type { Call } from './requests.ts';

interface LookUpOptions {
  readonly call: Call;
  /** The conversation's id, as far as it is known. */
  conversationOf(send: QueuedSend): string | undefined;
  /** The highest seq that was seen of each conversation; all of them are there once the client has caught up. */
  ends(): ReadonlyMap<string, number>;
}

/**
 * Finds a send of an earlier run among the messages, if it was committed. The server recognises a repetition among the
 * sender's last sends only, so this one has to be found by the client, if that many can have come since.
 */
export type LookUp = (send: QueuedSend, connection: Connection) => Promise<Message | undefined>;

/** Below what the server remembers, for what comes while this is asked. */
const surelyRemembered = limits.rememberedSends / 2;
/** Older messages than a send by so much are not looked through; clocks do not differ by that. */
const longestDoubtMs = 7 * 24 * 60 * 60_000;

export function makeLookUp({ call, conversationOf, ends }: LookUpOptions): LookUp {
  /** Undefined where no message was ever sent to them. */
  async function find({ recipientId = '' }: QueuedSend, connection: Connection): Promise<string | undefined> {
    for (let cursor: string | undefined; ; ) {
      const asked = { action: 'conversations', limit: limits.conversationsLimit, cursor } as const;
      const page = await call('conversations.page', asked, { connection });
      const found = page.conversations.find(
        ({ members }) => members?.length === 2 && members.includes(recipientId),
      );
      if (found || page.cursor === undefined) return found?.conversationId;
      cursor = page.cursor;
    }
  }

  return async (send, connection) => {
    const { after = 0, queuedAt } = send;
    const known = conversationOf(send);
    const all = ends();
    const end = known === undefined ? Math.max(0, ...all.values()) : (all.get(known) ?? 0);
    if (end - after < surelyRemembered) return undefined;
    const conversationId = known ?? (await find(send, connection));
    if (conversationId === undefined) return undefined;
    for (let before: number | undefined; ; ) {
      const asked = { action: 'history', conversationId, before, limit: limits.historyLimit } as const;
      const { messages, more } = await call('history.page', asked, { connection });
      const found = messages.find((message) => isOf(message, send));
      const oldest = messages[0];
      if (found || !more || !oldest || oldest.seq <= after + 1) return found;
      if (Date.parse(oldest.sentAt) < queuedAt - longestDoubtMs) return undefined;
      before = oldest.seq;
    }
  };
}

/** Whether `message` is what became of `send`. The server tells a `clientMessageId` to its sender alone. */
export function isOf(message: Message, send: QueuedSend): boolean {
  if (message.clientMessageId !== send.clientMessageId) return false;
  // It may have been changed since.
  return message.content === send.content || 'changeSeq' in message;
}
