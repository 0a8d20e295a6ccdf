import { limits } from '#shared/protocol/limits.ts';
import type { ConversationSummary, Message } from '#shared/protocol/replies.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Inbox } from './inbox.ts';
import type { Call } from './requests.ts';

interface CatchUpDependencies {
  readonly inbox: Inbox;
  readonly acknowledgements: Acknowledgements;
  readonly call: Call;
  readonly clock: Clock;
  readonly random: Random;
}

/** Lets pushes begin on a new connection and gets everything above this device's positions. Rejects with `ConnectionLost`. */
export type CatchUp = (connection: Connection) => Promise<void>;

export function makeCatchUp(dependencies: CatchUpDependencies): CatchUp {
  const { inbox, acknowledgements, call } = dependencies;
  const drain = makeDrain(dependencies);

  return async (connection) => {
    if (inbox.knowsAll() && inbox.positions().size <= limits.reconnectPositions) {
      await drain(connection);
    } else {
      // Pushes begin before the list is read: what comes afterwards is in the one or in the other.
      await call('reconnect.done', { action: 'reconnect', positions: {}, only: true }, { connection });
      const behind = await findBehind(inbox, call, connection);
      for (let start = 0; start < behind.length; start += limits.reconnectPositions)
        await drain(connection, behind.slice(start, start + limits.reconnectPositions));
    }
    await acknowledgements.flush(connection);
  };
}

/** What is missing although the server has nothing more is asked for so often, and then left to the gap filler. */
const mostExtras = 3;

/** Asks for what is above the positions until nothing more is to come: of these conversations, or of all that there are. */
function makeDrain({ inbox, acknowledgements, call, clock, random }: CatchUpDependencies) {
  return async (connection: Connection, conversationIds?: readonly string[]): Promise<void> => {
    for (let empties = 0, extras = 0; ; ) {
      const all = inbox.positions();
      const asked = new Map(conversationIds?.map((id) => [id, all.get(id) ?? 0]) ?? all);
      const positions = Object.fromEntries(asked);
      const fields = { action: 'reconnect', positions, ...(conversationIds && { only: true }) } as const;
      const reached = new Map(asked);
      const onPage = (messages: readonly Message[]) => {
        for (const message of messages) {
          inbox.accept(message, reached.get(message.conversationId) ?? 0);
          reached.set(message.conversationId, message.seq);
        }
      };
      const { more } = await call('reconnect.done', fields, { connection, onPage });
      await inbox.settled();
      if (!more) {
        // A message that came live meanwhile may have overtaken one that it stands on.
        const isBehind = inbox.behind().some((id) => conversationIds?.includes(id) ?? true);
        if (!isBehind || extras === mostExtras) return;
        extras += 1;
      }
      await acknowledgements.flush(connection);
      empties = hasRisen(asked, inbox.positions()) ? 0 : empties + 1;
      // What it has to give is not visible yet.
      if (!more || empties > 0) await sleep(clock, backoff(Math.max(extras, empties), random));
    }
  };
}

function hasRisen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): boolean {
  return [...now].some(([conversationId, position]) => position > (before.get(conversationId) ?? 0));
}

/** Reads the whole list of conversations; gives those of which this device lacks something. */
async function findBehind(inbox: Inbox, call: Call, connection: Connection): Promise<string[]> {
  const behind = new Set<string>();
  const note = ({ conversationId, deliveredSeq, lastSeq }: ConversationSummary) => {
    inbox.begin(conversationId, inbox.knowsAll() ? 0 : deliveredSeq);
    if (lastSeq > (inbox.positions().get(conversationId) ?? 0)) behind.add(conversationId);
  };
  const list = (cursor?: string) =>
    call(
      'conversations.page',
      { action: 'conversations', limit: limits.conversationsLimit, ...(cursor !== undefined && { cursor }) },
      { connection },
    );

  let page = await list();
  page.conversations.forEach(note);
  const hasSeveralPages = page.cursor !== undefined;
  while (page.cursor !== undefined) {
    page = await list(page.cursor);
    page.conversations.forEach(note);
  }
  // The newest stand first, so what moved up while the pages were read is found there.
  if (hasSeveralPages) (await list()).conversations.forEach(note);
  inbox.knowAll();
  return [...behind];
}
