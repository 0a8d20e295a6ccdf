import { randomUUID } from 'node:crypto';
import { history, ok, reconnect, wholeHistory } from '../support/calls.ts';
import type { Client } from '../support/client.ts';
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

/** A client of the contract that records what it does and sees: it drops duplicates, fills gaps, and retries. */
export interface Device {
  readonly user: string;
  /** Sends until it is confirmed, over as many connections as it takes; `cut` drops the first one before the reply. */
  send(to: string, content: string, clientMessageId: string, cut: boolean): Promise<void>;
  /** Loses the connection and comes back; `cut` loses it once more in the middle of the drain. */
  comeBack(cut: boolean): Promise<void>;
  acknowledge(read: boolean): Promise<void>;
  fillGaps(): Promise<void>;
  /** Comes back for the last time, and records all that it holds and all that its user can read. */
  finish(): Promise<void>;
}

/** Codes after which the same send goes out again. */
const AGAIN: ReadonlySet<unknown> = new Set(['unavailable', 'internal', 'rate_limited']);
const MAX_ATTEMPTS = 20;

type Held = Map<string, Map<number, Message>>;

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

export function makeDevice(deps: DeviceDeps): Device {
  const { user, device, record } = deps;
  const who = { user, device };
  const held: Held = new Map();
  let client: Client | undefined;
  let absorbed = 0;

  function hold(messages: readonly Message[]): void {
    for (const message of messages) {
      const talk = held.get(message.conversationId) ?? new Map<number, Message>();
      held.set(message.conversationId, talk);
      talk.set(message.seq, message);
    }
  }

  /** Takes in the pushes that have come since the last time. */
  function absorb(): void {
    for (const frame of client?.received.slice(absorbed) ?? []) {
      absorbed += 1;
      if (frame.type === 'message.new') {
        const message = asPushedMessage(frame);
        record({ kind: 'pushed', ...who, message });
        hold([message]);
      }
    }
  }

  function drop(): void {
    client?.drop();
    absorb();
    client = undefined;
  }

  async function openFresh(): Promise<Client> {
    drop();
    client = await deps.open(user);
    absorbed = 0;
    return client;
  }

  function beginDrain(): { drain: number; fields: Record<string, unknown> } {
    const drain = deps.nextDrain();
    if (!deps.namesPositions) {
      record({ kind: 'reconnect', ...who, drain });
      return { drain, fields: {} };
    }
    const positions = positionsOf(held);
    record({ kind: 'reconnect', ...who, drain, positions });
    return { drain, fields: { positions } };
  }

  /** Starts a drain and loses the connection somewhere in it. */
  async function cutDrain(on: Client): Promise<void> {
    const requestId = randomUUID();
    const { drain, fields } = beginDrain();
    on.sendText(JSON.stringify({ action: 'reconnect', requestId, ...fields }));
    await on.waitFor((frame) => frame.requestId === requestId, 'the start of a drain');
    const pages = on.received.filter(
      (frame) => frame.type === 'reconnect.page' && frame.requestId === requestId,
    );
    const messages = pages.flatMap((frame) => asMessages(frame.messages));
    record({ kind: 'drained', ...who, drain, messages, more: true, cut: true });
    hold(messages);
  }

  async function drainAll(on: Client): Promise<void> {
    for (let more = true; more; ) {
      const { drain, fields } = beginDrain();
      const drained = await reconnect(on, fields);
      record({ kind: 'drained', ...who, drain, messages: drained.messages, more: drained.more, cut: false });
      hold(drained.messages);
      absorb();
      more = drained.more;
      if (more) {
        await acknowledge(false);
      }
    }
  }

  async function comeBack(cut: boolean): Promise<void> {
    if (cut) {
      await cutDrain(await openFresh());
    }
    await drainAll(await openFresh());
  }

  async function connection(): Promise<Client> {
    if (!client?.isOpen()) {
      await comeBack(false);
    }
    if (!client) {
      throw new Error(`${device} has no connection`);
    }
    return client;
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
    const on = await connection();
    const name = { to, clientMessageId };
    const request = { action: 'send', recipientId: to, content, clientMessageId };
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
    const { message, duplicate } = asSent(reply);
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
    throw new Error(`${device} could not send ${clientMessageId} to ${to}`);
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

  async function finish(): Promise<void> {
    await comeBack(false);
    const on = await connection();
    const all = [...held.values()].flatMap((talk) => [...talk.values()].toSorted((x, y) => x.seq - y.seq));
    record({ kind: 'held', ...who, messages: all });
    for (const conversationId of held.keys()) {
      record({ kind: 'final', user, conversationId, messages: await wholeHistory(on, conversationId) });
    }
  }

  return { user, send, comeBack, acknowledge, fillGaps, finish };
}
