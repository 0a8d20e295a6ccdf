import type { Command } from '../command.ts';
import { conversationWith } from '../conversation-of.ts';
import { CliError, exitCodes, usageError } from '../errors.ts';
import { readStretch } from '../history-of.ts';
import { wholeNumber } from '../options.ts';
import { openRequester } from '../requester.ts';
import { messageLine } from '../text.ts';

export const history: Command = {
  name: 'history',
  usage: '<me> <them>',
  people: 2,
  summary: 'print what was said, oldest first',
  details: 'The last 50 messages by default. Nothing is marked as delivered or read by it.',
  examples: [
    'history alice bob',
    'history alice bob --limit 200 --before 1000',
    'history alice bob --after 17 --json',
  ],
  options: ['before', 'after', 'limit'],
  async run({ people: [me, them], options, place, getToken, timeoutMs, output }) {
    const before = wholeNumber(options, 'before', 1);
    const after = wholeNumber(options, 'after', 0);
    const limit = wholeNumber(options, 'limit', 1) ?? 50;
    if (before !== undefined && after !== undefined)
      throw usageError(
        '--before and --after exclude each other.',
        'Give one of them, or neither for the newest.',
      );
    const requester = openRequester(place, getToken, timeoutMs);
    try {
      const conversation = await conversationWith(requester, them);
      if (!conversation) throw noConversation(me, them);
      const messages = await readStretch(requester, conversation.conversationId, { before, after, limit });
      for (const message of messages)
        await output.result({ type: 'message', ...message }, messageLine(message));
      return exitCodes.done;
    } finally {
      requester.close();
    }
  },
};

function noConversation(me: string, them: string): CliError {
  return new CliError('refused', `${me} and ${them} have not written to each other yet.`, {
    code: 'not_found',
    remedy: `Write first: send ${me} ${them} Hello`,
  });
}
