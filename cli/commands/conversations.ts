import type { ConversationSummary } from '#shared/protocol/replies.ts';
import type { Command } from '../command.ts';
import { conversations as readConversations } from '../conversation-of.ts';
import { exitCodes } from '../errors.ts';
import { wholeNumber } from '../options.ts';
import { openRequester } from '../requester.ts';
import { localTime, type PlainText, say } from '../text.ts';

export const conversations: Command = {
  name: 'conversations',
  usage: '<me>',
  people: 1,
  summary: 'list your conversations, newest first',
  details:
    'With whom, how many messages there are, how many of them you have not read, and when the last one was sent.',
  examples: ['conversations alice', 'conversations alice --limit 10 --json'],
  options: ['limit'],
  async run({ people: [user], options, place, getToken, timeoutMs, output }) {
    const limit = wholeNumber(options, 'limit', 1) ?? Number.POSITIVE_INFINITY;
    const requester = openRequester(place, getToken, timeoutMs);
    try {
      let printed = 0;
      for await (const conversation of readConversations(requester)) {
        await output.result({ type: 'conversation', ...conversation }, lineOf(conversation, user));
        printed += 1;
        if (printed === limit) break;
      }
      if (printed === 0)
        await output.note({ type: 'note', message: 'none' }, say`${user} has no conversations yet.`);
      return exitCodes.done;
    } finally {
      requester.close();
    }
  },
};

function lineOf({ members, lastSeq, unread, lastMessageAt }: ConversationSummary, user: string): PlainText {
  const others = members.filter((member) => member !== user).join(', ');
  const count = `${lastSeq} message${lastSeq === 1 ? '' : 's'}`;
  return say`${localTime(lastMessageAt)}  ${others}: ${count}, ${unread} unread`;
}
