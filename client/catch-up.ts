import { limits } from '#shared/protocol/limits.ts';
import type { ConversationSummary, Message } from '#shared/protocol/replies.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import { ConnectionLost, PostriderError } from './errors.ts';
import { byteLength } from './frame.ts';
import type { Inbox } from './inbox.ts';
import type { OnPage } from './replies.ts';
import type { Call } from './requests.ts';

interface CatchUpDependencies {
  readonly inbox: Inbox;
  readonly acknowledgements: Acknowledgements;
  readonly call: Call;
  readonly clock: Clock;
  readonly random: Random;
  readonly life: Life;
}

/** Which life of the data the positions belong to. */
export interface Life {
  epoch: string | undefined;
  /** Whether that is all there is to know: a server of an earlier version tells none, nor may what was stored. */
  isTold: boolean;
}

/**
 * Lets pushes begin on a new connection and gets everything above this device's positions. `isWhole`: nothing was left out
 * that this device does not have, because another one had acknowledged it. Rejects with `ConnectionLost`.
 */
export type CatchUp = (connection: Connection) => Promise<{ readonly isWhole: boolean }>;

export function makeCatchUp(dependencies: CatchUpDependencies): CatchUp {
  const { inbox, acknowledgements, call, life } = dependencies;
  const reconnect = makeReconnect(dependencies);
  const drain = makeDrain(dependencies, reconnect);
  /** Until that is told: the connection may end before. */
  let isWhole = true;

  return async (connection) => {
    // The first connection may have brought messages and ended before it told. Positions without an epoch are refused.
    if (!life.isTold && [...inbox.taken().values()].some((position) => position > 0))
      await reconnect(connection, { positions: {}, only: true });
    if (inbox.knowsAll() && inFrames([...inbox.taken().keys()]).length <= 1) {
      await drain(connection);
    } else {
      // Pushes begin before the list is read: what comes afterwards is in the one or in the other.
      await reconnect(connection, { positions: {}, only: true });
      const { behind, hasSkipped } = await findBehind(inbox, call, connection);
      if (hasSkipped) isWhole = false;
      for (const ids of inFrames(behind)) await drain(connection, ids);
    }
    await acknowledgements.flush(connection);
    const told = { isWhole };
    isWhole = true;
    return told;
  };
}

interface Asked {
  readonly positions: Readonly<Record<string, number>>;
  readonly only?: true;
}

type Reconnect = (
  connection: Connection,
  asked: Asked,
  onPage?: OnPage,
) => Promise<{ readonly more: boolean }>;

/** Asks for what is above positions, in the life to which they belong. */
function makeReconnect({ call, life }: CatchUpDependencies): Reconnect {
  return async (connection, asked, onPage) => {
    const { epoch } = life;
    const fields = { action: 'reconnect', ...asked, ...(epoch !== undefined && { epoch }) } as const;
    try {
      const done = await call('reconnect.done', fields, { connection, ...(onPage && { onPage }) });
      life.isTold = true;
      if ('epoch' in done && typeof done.epoch === 'string') {
        if (epoch !== undefined && epoch !== done.epoch)
          throw new ConnectionLost({ reason: 'epoch_changed' });
        life.epoch = done.epoch;
      }
      return done;
    } catch (error) {
      const isUnknownLife = epoch === undefined && Object.keys(asked.positions).length > 0;
      // Positions that were stored without their epoch: nothing tells whether they are of these data.
      if (isUnknownLife && error instanceof PostriderError && error.code === 'bad_request')
        throw new ConnectionLost({ reason: 'epoch_changed' });
      throw error;
    }
  };
}

/** Room for the positions of one frame. */
const positionsBytes = 30_000;

/** These conversations in as many parts as make a frame each. */
function inFrames(conversationIds: readonly string[]): string[][] {
  const frames: string[][] = [];
  let frame: string[] = [];
  let room = 0;
  for (const id of conversationIds) {
    const bytes = byteLength(JSON.stringify(id)) + String(Number.MAX_SAFE_INTEGER).length + 2;
    if (frame.length === 0 || frame.length === limits.reconnectPositions || bytes > room) {
      frame = [];
      frames.push(frame);
      room = positionsBytes;
    }
    frame.push(id);
    room -= bytes;
  }
  return frames;
}

/** What is missing although the server has nothing more is asked for so often, and then left to the gap filler. */
const mostExtras = 3;
/** A position beyond the end gives nothing. */
const nothing = Number.MAX_SAFE_INTEGER;

/** Asks for what is above the positions until nothing more is to come: of these conversations, or of all that there are. */
function makeDrain({ inbox, acknowledgements, clock, random }: CatchUpDependencies, reconnect: Reconnect) {
  return async (connection: Connection, conversationIds?: readonly string[]): Promise<void> => {
    for (let empties = 0, extras = 0; ; ) {
      const all = inbox.taken();
      const asked = new Map(conversationIds?.map((id) => [id, all.get(id) ?? 0]) ?? all);
      // What cannot be handed on now would only fill the pages, again and again.
      for (const id of inbox.passOver()) if (asked.has(id)) asked.set(id, nothing);
      const positions = Object.fromEntries(asked);
      const reached = new Map(asked);
      const onPage = (messages: readonly Message[]) => {
        for (const message of messages) {
          inbox.accept(message, reached.get(message.conversationId) ?? 0);
          reached.set(message.conversationId, message.seq);
        }
      };
      const fields = conversationIds ? ({ positions, only: true } as const) : { positions };
      const { more } = await reconnect(connection, fields, onPage);
      await inbox.settled();
      if (!more) {
        // A message that came live meanwhile may have overtaken one that it stands on.
        const isBehind = inbox.behind().some((id) => conversationIds?.includes(id) ?? true);
        if (!isBehind || extras === mostExtras) return;
        extras += 1;
      }
      await acknowledgements.flush(connection);
      empties = hasRisen(asked, inbox.taken()) ? 0 : empties + 1;
      // What it has to give is not visible yet.
      if (!more || empties > 0) await sleep(clock, backoff(Math.max(extras, empties), random));
    }
  };
}

function hasRisen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): boolean {
  return [...now].some(([conversationId, position]) => position > (before.get(conversationId) ?? 0));
}

/** Reads the whole list of conversations; gives those of which this device lacks something that it can be given. */
async function findBehind(inbox: Inbox, call: Call, connection: Connection) {
  const behind = new Set<string>();
  let hasSkipped = false;
  const note = ({ conversationId, deliveredSeq, lastSeq }: ConversationSummary) => {
    const isNew = !inbox.knowsAll() && !inbox.taken().has(conversationId);
    if (isNew && deliveredSeq > 0) hasSkipped = true;
    inbox.begin(conversationId, inbox.knowsAll() ? 0 : deliveredSeq);
    if (lastSeq > (inbox.taken().get(conversationId) ?? 0)) behind.add(conversationId);
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
  return { behind: [...behind], hasSkipped };
}
