import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '#shared/protocol/replies.ts';
import { type Client, createClient } from '../../client/client.ts';
import type { Command, Invocation } from '../command.ts';
import { makeConnector } from '../connector.ts';
import { conversationWith } from '../conversation-of.ts';
import { type CliError, exitCodeOf, exitCodes } from '../errors.ts';
import { readStretch } from '../history-of.ts';
import { aborted } from '../io.ts';
import { type Event, errorEvent } from '../output.ts';
import { makeReadTicks } from '../read-ticks.ts';
import { openRequester } from '../requester.ts';
import { openScreen, type Screen } from '../screen.ts';
import { tellErrors, tellLosses, tellStates } from '../tell.ts';
import { messageLine, type PlainText, say } from '../text.ts';

const shownBefore = 20;

export const chat: Command = {
  name: 'chat',
  usage: '<me> <them>',
  people: 2,
  summary: 'talk with somebody, line by line',
  details: `Shows the last ${shownBefore} messages and then what comes; each line that you write is a message. Without a connection it waits and
is sent later. What you see of theirs is marked as read. End it with Ctrl-D, Ctrl-C or a line /quit.
As a device of yours it also receives what others write to you: it says so, and leaves it unread.
Lines may be piped in: it ends when all of them are committed.`,
  examples: ['chat alice bob', 'printf "one\\ntwo\\n" | % chat alice bob'],
  options: [],
  endsByInterrupt: true,
  async run(invocation) {
    const { place, getToken, people, output } = invocation;
    const earlier = await readEarlier(invocation);
    const connector = makeConnector(place, getToken);
    const client = createClient(connector);
    const talk = openTalk(client, invocation);
    try {
      for (const message of earlier) talk.show(message);
      const note = (event: Event, text: PlainText) => talk.screen.print(output.format(event, say`· ${text}`));
      tellStates(client, { note }, new AbortController().signal);
      tellErrors(client, { note }, connector);
      tellLosses(client, { note: async (event, text) => note(event, text) });
      talk.screen.setPrompt(`${people[0]}> `);
      client.connect();
      await Promise.race([connector.failed, talk.screen.ended, aborted(invocation.io.interrupted)]);
      return await Promise.race([connector.failed, talk.finish()]);
    } finally {
      client.close();
      talk.screen.close();
    }
  },
};

async function readEarlier({ place, getToken, timeoutMs, people }: Invocation): Promise<Message[]> {
  const requester = openRequester(place, getToken, timeoutMs);
  try {
    const conversation = await conversationWith(requester, people[1]);
    if (!conversation) return [];
    return await readStretch(requester, conversation.conversationId, { limit: shownBefore });
  } finally {
    requester.close();
  }
}

interface Talk {
  readonly screen: Screen;
  /** Prints a message of this conversation, unless it was printed before, and marks it as read. */
  show(message: Message): void;
  /** Waits for what was written to be committed and shown; gives the exit code. */
  finish(): Promise<number>;
}

function openTalk(client: Client, { people: [me, them], io, output, timeoutMs }: Invocation): Talk {
  let shown = 0;
  let committed = 0;
  let failure: number = exitCodes.done;
  let isOver = false;
  const reads = new Set<Promise<void>>();
  const ticks = makeReadTicks();
  const quit = Promise.withResolvers<void>();
  const typed = openScreen(io, (line) => (line === '/quit' ? quit.resolve() : submit(line)));
  const screen = { ...typed, ended: Promise.race([typed.ended, quit.promise]) };
  const print = (event: Event, forPeople: PlainText) => screen.print(output.format(event, forPeople));

  function showWaiting(): void {
    const waiting = client.queued().length;
    screen.setPrompt(waiting === 0 ? `${me}> ` : `${me} (${waiting} not sent yet)> `);
  }

  function submit(line: string): void {
    if (line.trim() === '') return;
    client.send({ recipientId: them, content: line }).catch((error: unknown) => {
      if (isOver) return;
      failure = exitCodeOf(error);
      const [event, text] = errorEvent(error as CliError);
      print({ ...event, content: line }, say`! not sent: ${line}\n  ${text}`);
    });
    showWaiting();
  }

  function show(message: Message): void {
    if (message.seq <= shown) return;
    shown = message.seq;
    print({ type: 'message', ...message }, messageLine(message));
    if (message.senderId === me) {
      ticks.sent(message.seq);
      return;
    }
    const read = client.read(message.conversationId, message.seq).catch(() => {});
    reads.add(read);
    void read.then(() => reads.delete(read));
  }

  client.on('message', (message) => {
    if (message.senderId === them || message.recipientId === them) return show(message);
    const other = message.senderId === me ? message.recipientId : message.senderId;
    print({ type: 'other_conversation', with: other }, say`· a message in your conversation with ${other}`);
  });
  client.on('sent', ({ message }) => {
    committed = Math.max(committed, message.seq);
    showWaiting();
  });
  client.on('failed', showWaiting);
  client.on('receipt', (receipt) => {
    const tick = receipt.userId === them ? ticks.receipt(receipt) : undefined;
    if (tick) print({ type: 'receipt', ...receipt }, say`· ${tick} by ${them}`);
  });

  async function finish(): Promise<number> {
    const deadline = Date.now() + timeoutMs;
    // A message that was committed while the client still catches up is handed on after that.
    while ((client.queued().length > 0 || shown < committed) && Date.now() < deadline) await sleep(20);
    await Promise.race([Promise.all(reads), sleep(2_000, undefined, { ref: false })]);
    // Commits and refusals are told in the turn after they have left the queue.
    await sleep(0);
    isOver = true;
    const unsent = client.queued();
    for (const { content } of unsent)
      print({ type: 'unsent', content }, say`! may not have been sent: ${content}`);
    return unsent.length > 0 ? exitCodes.unreachable : failure;
  }

  return { screen, show, finish };
}
