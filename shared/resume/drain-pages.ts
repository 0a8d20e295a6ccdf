import { roomIn, sizeOf } from '#shared/protocol/pages.ts';
import type { ConversationPosition, Message, Reply } from '#shared/protocol/replies.ts';
import { replyFrame } from '#shared/protocol/replies.ts';
import type { DrainBudget } from './drain-budget.ts';

/** The client has left in the middle of a drain, or was let go of because it does not read; it will reconnect. */
export class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}

/** Packs messages into frames of at most 32 KB and sends them one after the other, each awaited: back-pressure. */
export interface Pager {
  /** False if it would begin a page that nothing is left to pay for: then it was not taken. */
  add(message: Message, conversation: ConversationPosition): Promise<boolean>;
  /** Whether the end marker has room to name one more conversation, and pages can be paid for. */
  canName(conversation: ConversationPosition): boolean;
  /** Sends what is left, then the end marker. */
  finish(more: boolean): Promise<void>;
}

/** Throws `ConnectionGone` once `post` says so. */
export function makePager(
  post: (frame: string) => Promise<'posted' | 'gone' | 'full'>,
  requestId: string | undefined,
  epoch: string,
  budget: Pick<DrainBudget, 'payPage'>,
): Pager {
  const pageRoom = roomIn(replyFrame({ type: 'reconnect.page', messages: [] }, requestId));
  let page: Message[] = [];
  let left = pageRoom;
  let isUsedUp = false;
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
      if (page.length === 0 && !(await budget.payPage())) {
        isUsedUp = true;
        return false;
      }
      page.push(message);
      left -= size;
      if (named.has(message.conversationId)) return true;
      const entry = nameOf(conversation);
      named.set(message.conversationId, entry);
      leftToName -= sizeOf(entry);
      return true;
    },
    canName(conversation) {
      return !isUsedUp && sizeOf(nameOf(conversation)) <= leftToName;
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
