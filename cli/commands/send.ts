import { randomUUID } from 'node:crypto';
import { text as readAll } from 'node:stream/consumers';
import { PostriderError } from '../../client/errors.ts';
import { checkOutgoing } from '../../client/send-check.ts';
import type { Command, Invocation } from '../command.ts';
import { CliError, exitCodeOf, exitCodes, usageError } from '../errors.ts';
import { openRequester } from '../requester.ts';
import { say } from '../text.ts';

export const send: Command = {
  name: 'send',
  usage: '<me> <them> [text …]',
  people: 2,
  takesWords: true,
  summary: 'send one message; done when it is committed',
  details: `Without a text it is read from standard input, less one line break at its end. A text that begins with a dash
stands behind "--". Exit code 0 means that it is stored and will arrive, 3 that this is not known: send it again with
the --id that was printed, and it is still one message.`,
  examples: [
    'send alice bob Hello, Bob!',
    'date | % send alice bob',
    'send alice bob --id order-17 "It is on its way."',
  ],
  options: ['id'],
  async run(invocation) {
    const { people, options, place, getToken, timeoutMs, output } = invocation;
    const clientMessageId = checkId(options.id) ?? randomUUID();
    const content = await contentOf(invocation);
    const outgoing = { recipientId: people[1], content, clientMessageId };
    checkOutgoing(outgoing);
    const requester = openRequester(place, getToken, timeoutMs);
    try {
      const { message, duplicate } = await requester.ask('message.sent', { action: 'send', ...outgoing });
      const said = say`#${message.seq} ${duplicate ? 'was sent before' : 'sent'} (id ${outgoing.clientMessageId})`;
      await output.result({ type: 'message', ...message, ...(duplicate && { duplicate }) }, said);
      return exitCodes.done;
    } catch (error) {
      throw withId(error, outgoing.clientMessageId);
    } finally {
      requester.close();
    }
  },
};

function checkId(id: string | undefined): string | undefined {
  if (id === undefined || /^[ -~]{1,64}$/.test(id)) return id;
  throw usageError(
    `--id must be 1 to 64 printable ASCII characters, and it is ${JSON.stringify(id)}.`,
    'Leave it out for a new one, or write for example --id order-17',
  );
}

async function contentOf({ words, io }: Invocation): Promise<string> {
  if (words.length > 0) return words.join(' ');
  if (io.stdin.isTTY)
    throw usageError('There is nothing to send.', 'Write it behind the names, or pipe it in.');
  return (await readAll(io.stdin)).replace(/\r?\n$/, '');
}

/** Where nobody knows whether it was committed, says how to find out. */
function withId(error: unknown, id: string): unknown {
  const isUnknown = error instanceof PostriderError && exitCodeOf(error) === exitCodes.unreachable;
  if (!isUnknown) return error;
  return new CliError('unreachable', `${error.message} It may have been committed nevertheless.`, {
    code: error.code,
    remedy: `Send it again with --id ${id}: it stays one message.`,
  });
}
