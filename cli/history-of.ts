import { limits } from '#shared/protocol/limits.ts';
import type { Message } from '#shared/protocol/replies.ts';
import type { Requester } from './requester.ts';

export interface Stretch {
  /** Exclusive; one of the two, or neither for the newest. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  /** Messages, at most. */
  readonly limit: number;
}

/** Messages of a conversation, ascending, over as many pages as it takes. */
export async function readStretch(
  { ask }: Requester,
  conversationId: string,
  { before, after, limit }: Stretch,
): Promise<Message[]> {
  const isUpward = after !== undefined;
  const found: Message[] = [];
  let cursor = isUpward ? { after } : before !== undefined ? { before } : {};
  while (found.length < limit) {
    const page = await ask('history.page', {
      action: 'history',
      conversationId,
      ...cursor,
      limit: Math.min(limits.historyLimit, limit - found.length),
    });
    const [first, last] = [page.messages[0], page.messages.at(-1)];
    if (!first || !last) break;
    if (isUpward) found.push(...page.messages);
    else found.unshift(...page.messages);
    if (!page.more) break;
    cursor = isUpward ? { after: last.seq } : { before: first.seq };
  }
  return found;
}
