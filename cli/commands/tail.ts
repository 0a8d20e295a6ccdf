import { limits } from '#shared/protocol/limits.ts';
import { type Client, createClient } from '../../client/client.ts';
import type { Command, Invocation } from '../command.ts';
import { type Connector, makeConnector } from '../connector.ts';
import { CliError, exitCodes } from '../errors.ts';
import { aborted } from '../io.ts';
import { wholeNumber } from '../options.ts';
import { openRequester } from '../requester.ts';
import { tellErrors, tellLosses, tellStates } from '../tell.ts';
import { addressedLine, say } from '../text.ts';

const ackTimeoutMs = 5_000;

export const tail: Command = {
  name: 'tail',
  usage: '<me>',
  people: 1,
  summary: 'print every message as it comes, of all conversations',
  details: `It is a device of yours. It begins with what no device has acknowledged, and acknowledges what it has printed: run again,
it goes on where it ended. After a lost connection nothing is missing and nothing comes twice. Ctrl-C ends it.
With --count or --drain and --timeout it is a script's way to wait for messages: exit code 3 if they did not come.`,
  examples: ['tail bob', 'tail bob --json', 'tail bob --count 1 --timeout 60', 'tail bob --drain'],
  options: ['count', 'drain', 'all'],
  endsByInterrupt: true,
  async run(invocation) {
    const { options, place, getToken, output, io } = invocation;
    const count = wholeNumber(options, 'count', 1) ?? Number.POSITIVE_INFINITY;
    const connector = makeConnector(place, getToken);
    const client = createClient({ ...connector, positions: options.all ? {} : undefined });
    const printed = printMessages(client, invocation, count);
    tellStates(client, output, io.interrupted);
    tellErrors(client, output, connector);
    client.connect();
    try {
      await Promise.race([connector.failed, untilTheEnd(client, invocation, connector, printed.whole)]);
    } finally {
      client.close();
      await acknowledge(invocation, printed.positions);
    }
    return exitCodes.done;
  },
};

/** Prints `count` messages and holds back what comes after them; it stays unacknowledged. */
function printMessages(client: Client, { output }: Invocation, count: number) {
  const whole = Promise.withResolvers<void>();
  const positions = new Map<string, number>();
  let toBegin = count;
  let toPrint = count;
  client.on('message', async (message) => {
    if (toBegin === 0) return await new Promise<never>(() => {});
    toBegin -= 1;
    await output.result({ type: 'message', ...message }, addressedLine(message));
    positions.set(message.conversationId, message.seq);
    toPrint -= 1;
    if (toPrint === 0) whole.resolve();
  });
  tellLosses(client, output);
  return { positions, whole: whole.promise };
}

function untilTheEnd(
  client: Client,
  { options, io, timeoutMs }: Invocation,
  connector: Connector,
  whole: Promise<void>,
): Promise<void> {
  const caughtUp = new Promise<void>((resolve) => {
    client.on('state', ({ state }) => state === 'connected' && options.drain && resolve());
  });
  const late = new Promise<void>((_, reject) => {
    const isWaited = options.drain || options.timeout !== undefined;
    if (isWaited) setTimeout(() => reject(lateError(timeoutMs, connector)), timeoutMs).unref();
  });
  return Promise.race([aborted(io.interrupted), whole, caughtUp, late]);
}

function lateError(timeoutMs: number, connector: Connector): CliError {
  return (
    connector.lastFailure() ??
    new CliError('unreachable', `It did not come within ${timeoutMs / 1000} s.`, {
      code: 'timeout',
      remedy: 'Run it again: it goes on where it ended. Or give it a longer --timeout.',
    })
  );
}

/** The SDK collects acknowledgements; what it has not sent when it ends is sent here. */
async function acknowledge({ place, getToken, output }: Invocation, positions: ReadonlyMap<string, number>) {
  if (positions.size === 0) return;
  const requester = openRequester(place, getToken, ackTimeoutMs);
  try {
    const all = [...positions];
    for (let start = 0; start < all.length; start += limits.ackPositions)
      await requester.ask('ok', {
        action: 'ack',
        positions: Object.fromEntries(all.slice(start, start + limits.ackPositions)),
      });
  } catch {
    const message = say`The last messages could not be acknowledged, and may be printed again next time.`;
    await output.note({ type: 'note', message }, message);
  } finally {
    requester.close();
  }
}
