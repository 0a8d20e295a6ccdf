import { roomIn, sizeOf } from '#shared/protocol/pages.ts';
import type { ConversationPosition, Message, Reply } from '#shared/protocol/replies.ts';
import { replyFrame } from '#shared/protocol/replies.ts';

/** The client has left in the middle of a drain, or was let go of because it does not read; it will reconnect. */
export class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}

/** Packs messages into frames of at most 32 KB and sends them one after the other, each awaited: back-pressure. */
export interface Pager {
  add(message: Message, conversation: ConversationPosition): Promise<void>;
  /** Whether the end marker has room to name one more conversation. */
  canName(conversation: ConversationPosition): boolean;
  /** Sends what is left, then the end marker. */
  finish(more: boolean): Promise<void>;
}

/** Throws `ConnectionGone` once `post` says so. */
export function makePager(
  post: (frame: string) => Promise<'posted' | 'gone' | 'full'>,
  requestId: string | undefined,
  epoch: string,
): Pager {
  const pageRoom = roomIn(replyFrame({ type: 'reconnect.page', messages: [] }, requestId));
  let page: Message[] = [];
  let left = pageRoom;
  const named = new Map<string, ConversationPosition>();
  const emptyDone = { type: 'reconnect.done', conversations: [], more: false, epoch } as const;
  let leftToName = roomIn(replyFrame(emptyDone, requestId));

  async function send(reply: Reply): Promise<void> {
    if ((await post(replyFrame(reply, requestId))) !== 'posted') throw new ConnectionGone();
  }

  async function flush(): Promise<void> {
    if (page.length > 0) await send({ type: 'reconnect.page', messages: page });
    page = [];
    left = pageRoom;
  }

  return {
    async add(message, conversation) {
      const size = sizeOf(message);
      if (size > left) await flush();
      page.push(message);
      left -= size;
      if (named.has(message.conversationId)) return;
      const entry = nameOf(conversation);
      named.set(message.conversationId, entry);
      leftToName -= sizeOf(entry);
    },
    canName(conversation) {
      return sizeOf(nameOf(conversation)) <= leftToName;
    },
    async finish(more) {
      await flush();
      await send({ type: 'reconnect.done', conversations: [...named.values()], more, epoch });
    },
  };
}

function nameOf({
  conversationId,
  lastSeq,
  deliveredSeq,
  readSeq,
}: ConversationPosition): ConversationPosition {
  return { conversationId, lastSeq, deliveredSeq, readSeq };
}
