import { randomUUID } from 'node:crypto';
import { history, ok, reconnect, wholeHistory } from '../support/calls.ts';
import type { Client } from '../support/client.ts';
import { type Frame, NoAnswer } from '../support/inbox.ts';
import { asMessages, asPushedMessage, asRefusal, asSent, type Message } from '../support/shapes.ts';
import type { Event } from './record.ts';

export interface DeviceDeps {
  readonly user: string;
  readonly device: string;
  /** Whether it names its positions at a reconnect, or goes by what it has acknowledged. */
  readonly namesPositions: boolean;
  open(user: string): Promise<Client>;
  record(event: Event): void;
  /** A number that no other drain of the run has. */
  nextDrain(): number;
}

/**
 * A client of the contract that records what it does and sees: it drops duplicates, fills gaps, and repeats a send
 * until it is confirmed. Everything rejects with `NoAnswer` where the connection was lost, or where the server asks
 * for another attempt: whoever lives with failures does the same again, and others take it for one.
 */
export interface Device {
  readonly user: string;
  /** Sends until it is answered; `cut` drops the first connection before the reply. */
  send(to: string, content: string, clientMessageId: string, cut: boolean): Promise<void>;
  /**
   * Loses the connection and comes back; `cut` loses it once more in the middle of the drain, `overlap` leaves the
   * earlier one open beside it, until the next time.
   */
  comeBack(how?: { readonly cut?: boolean; readonly overlap?: boolean }): Promise<void>;
  acknowledge(read: boolean): Promise<void>;
  fillGaps(): Promise<void>;
  block(other: string, blocked: boolean): Promise<void>;
  /** Loses every connection, and stays away until the next operation. */
  drop(): void;
  /** Comes back for the last time, and records all that it holds and all that its user can read. */
  finish(): Promise<void>;
}

/** Codes after which the same send goes out again. */
const AGAIN: ReadonlySet<unknown> = new Set(['unavailable', 'internal', 'rate_limited']);
const MAX_ATTEMPTS = 20;

type Held = Map<string, Map<number, Message>>;

/** A connection, and how many of its frames have been taken in. */
interface Line {
  readonly client: Client;
  absorbed: number;
}

/** The highest seq up to which a conversation is held without a gap. */
function positionIn(messages: ReadonlyMap<number, Message>): number {
  let position = 0;
  while (messages.has(position + 1)) {
    position += 1;
  }
  return position;
}

function positionsOf(held: Held): Record<string, number> {
  const entries = [...held].map(
    ([conversationId, messages]) => [conversationId, positionIn(messages)] as const,
  );
  return Object.fromEntries(entries.filter(([, position]) => position > 0));
}

function pagesOf(client: Client, requestId: string): Message[] {
  return client.received
    .filter((frame) => frame.type === 'reconnect.page' && frame.requestId === requestId)
    .flatMap((frame) => asMessages(frame.messages));
}

/** Throws where a reply says nothing but that it should be tried again. */
function conclusive(reply: Frame): Frame {
  if (reply.type === undefined || (reply.type === 'error' && AGAIN.has(reply.code))) {
    throw new NoAnswer(`answered ${String(reply.code ?? reply.message)}`);
  }
  return reply;
}

/** The client, with requests that reject where nothing was decided. */
function conclusively(client: Client): Client {
  return {
    ...client,
    requestOnce: async (fields) => conclusive(await client.requestOnce(fields)),
    request: async (fields) => conclusive(await client.request(fields)),
  };
}

export function makeDevice(deps: DeviceDeps): Device {
  const { user, device, record } = deps;
  const who = { user, device };
  const held: Held = new Map();
  let line: Line | undefined;
  let earlier: Line[] = [];
  /** Which life of the data its positions belong to; until it knows, it has none to hand back. */
  let epoch: string | undefined;

  function hold(messages: readonly Message[]): void {
    for (const message of messages) {
      const talk = held.get(message.conversationId) ?? new Map<number, Message>();
      held.set(message.conversationId, talk);
      talk.set(message.seq, message);
    }
  }

  function absorbFrom(from: Line): void {
    for (const frame of from.client.received.slice(from.absorbed)) {
      from.absorbed += 1;
      if (frame.type === 'message.new') {
        const message = asPushedMessage(frame);
        record({ kind: 'pushed', ...who, message });
        hold([message]);
      }
    }
  }

  /** Takes in the pushes that have come since the last time. */
  function absorb(): void {
    for (const one of line ? [...earlier, line] : earlier) {
      absorbFrom(one);
    }
  }

  function drop(): void {
    for (const one of line ? [...earlier, line] : earlier) {
      one.client.drop();
    }
    absorb();
    line = undefined;
    earlier = [];
  }

  async function openFresh(overlap = false): Promise<Client> {
    if (overlap && line) {
      const left = line;
      line = undefined;
      drop();
      earlier = [left];
    } else {
      drop();
    }
    const client = await deps.open(user);
    line = { client, absorbed: 0 };
    return client;
  }

  function beginDrain(): { drain: number; fields: Frame & { requestId: string } } {
    const drain = deps.nextDrain();
    const requestId = randomUUID();
    if (!deps.namesPositions) {
      record({ kind: 'reconnect', ...who, drain });
      return { drain, fields: { requestId } };
    }
    const positions = epoch === undefined ? {} : positionsOf(held);
    record({ kind: 'reconnect', ...who, drain, positions });
    return { drain, fields: { requestId, positions, ...(epoch !== undefined && { epoch }) } };
  }

  function endCut(on: Client, drain: number, requestId: string): void {
    const messages = pagesOf(on, requestId);
    record({ kind: 'drained', ...who, drain, messages, more: true, cut: true });
    hold(messages);
  }

  /** Starts a drain and loses the connection somewhere in it. */
  async function cutDrain(on: Client): Promise<void> {
    const { drain, fields } = beginDrain();
    on.sendText(JSON.stringify({ action: 'reconnect', ...fields }));
    await on.waitFor((frame) => frame.requestId === fields.requestId, 'the start of a drain');
    endCut(on, drain, fields.requestId);
  }

  async function drainAll(on: Client): Promise<void> {
    for (let more = true; more; ) {
      const { drain, fields } = beginDrain();
      const drained = await reconnect(conclusively(on), fields).catch((error: unknown) => {
        if (error instanceof NoAnswer) {
          endCut(on, drain, fields.requestId);
        }
        throw error;
      });
      record({ kind: 'drained', ...who, drain, messages: drained.messages, more: drained.more, cut: false });
      hold(drained.messages);
      epoch = drained.epoch;
      absorb();
      more = drained.more;
      if (more) {
        await acknowledge(false);
      }
    }
  }

  async function comeBack({ cut = false, overlap = false } = {}): Promise<void> {
    if (cut) {
      await cutDrain(await openFresh());
    }
    await drainAll(await openFresh(overlap));
  }

  async function connection(): Promise<Client> {
    if (!line?.client.isOpen()) {
      await comeBack();
    }
    if (!line) {
      throw new Error(`${device} has no connection`);
    }
    return conclusively(line.client);
  }

  async function acknowledge(read: boolean): Promise<void> {
    const on = await connection();
    absorb();
    const positions = Object.fromEntries(Object.entries(positionsOf(held)).slice(-100));
    const [last] = Object.entries(positions).slice(-1);
    if (!last) {
      return;
    }
    record({ kind: 'ack', ...who, positions, confirmed: false });
    await ok(on, { action: 'ack', positions });
    record({ kind: 'ack', ...who, positions, confirmed: true });
    if (read) {
      await ok(on, { action: 'read', conversationId: last[0], seq: last[1] });
    }
  }

  /** One attempt; true when nothing more is to be done. */
  async function attempt(
    to: string,
    content: string,
    clientMessageId: string,
    cut: boolean,
  ): Promise<boolean> {
    await connection();
    const name = { to, clientMessageId };
    const request = { action: 'send', recipientId: to, content, clientMessageId };
    if (!line) {
      throw new Error(`${device} has no connection`);
    }
    const on = line.client;
    record({ kind: 'send', ...who, ...name, content });
    if (cut) {
      on.sendText(JSON.stringify(request));
      drop();
      return false;
    }
    const reply = await on.requestOnce(request);
    if (reply.type === 'error') {
      const code = String(reply.code);
      asRefusal(reply, code);
      if (!AGAIN.has(code)) {
        record({ kind: 'refused', ...who, ...name, code });
      }
      return !AGAIN.has(code);
    }
    const { message, duplicate } = asSent(conclusive(reply));
    record({ kind: 'sent', ...who, ...name, message, duplicate });
    hold([message]);
    return true;
  }

  async function send(to: string, content: string, clientMessageId: string, cut: boolean): Promise<void> {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
      if (await attempt(to, content, clientMessageId, cut && attempts === 0)) {
        return;
      }
    }
    throw new NoAnswer(`${device} could not send ${clientMessageId} to ${to}`);
  }

  async function fillGaps(): Promise<void> {
    const on = await connection();
    absorb();
    for (const [conversationId, messages] of held) {
      const after = positionIn(messages);
      if (Math.max(...messages.keys()) > after) {
        const page = await history(on, conversationId, { after });
        record({ kind: 'history', ...who, after, messages: page.messages });
        hold(page.messages);
      }
    }
  }

  async function block(other: string, blocked: boolean): Promise<void> {
    const on = await connection();
    const event = { kind: 'block', ...who, other, blocked } as const;
    record({ ...event, confirmed: false });
    await ok(on, { action: blocked ? 'block' : 'unblock', userId: other });
    record({ ...event, confirmed: true });
  }

  async function finish(): Promise<void> {
    await comeBack();
    const on = await connection();
    const all = [...held.values()].flatMap((talk) => [...talk.values()].toSorted((x, y) => x.seq - y.seq));
    record({ kind: 'held', ...who, messages: all });
    for (const conversationId of held.keys()) {
      record({ kind: 'final', user, conversationId, messages: await wholeHistory(on, conversationId) });
    }
  }

  return { user, send, comeBack, acknowledge, fillGaps, block, drop, finish };
}
