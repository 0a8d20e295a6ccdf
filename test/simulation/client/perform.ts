import { directConversationId } from '#shared/log/conversation.ts';
import type { Device } from './device.ts';
import { named } from './device.ts';
import type { Operation } from './operations.ts';
import type { ClientRecord } from './record.ts';

type Send = Extract<Operation, { kind: 'send' }>;

/** Every content begins with the name of its send, and has this word, which may be found nowhere at rest. */
export const secretWord = 'unspeakable';

const contentOf = ({ name, size }: Send) => `${name} ${secretWord} ${'x'.repeat(size)}`;
const sendAttempts = 5;
const sendMs = 9_000;

/** Lets a device do one thing after the other as it was told. */
export function makePerform(
  device: Device,
  record: ClientRecord,
  users: readonly string[],
  sleep: (milliseconds: number) => Promise<void>,
) {
  let last: Send | undefined;

  async function send(operation: Send, again: boolean): Promise<void> {
    const { name, to, withId } = operation;
    const content = contentOf(operation);
    const request = { action: 'send', recipientId: to, content, ...(withId && { clientMessageId: name }) };
    const attempts = { name, user: device.user, to, content, begun: record.events.length, ended: undefined };
    const own = { ...attempts, wasForbidden: false } as ClientRecord['sends'][number];
    record.sends.push(own);
    /** Whether an attempt may still be under way when the last one was answered. */
    let isOpen = false;
    for (let attempt = 1; attempt <= (withId ? sendAttempts : 1); attempt += 1) {
      const on = await device.connect();
      if (!on) break;
      device.note({ kind: 'send', to, clientMessageId: name, content });
      if (operation.cut && attempt === 1 && !again) {
        isOpen = true;
        on.post(request);
        device.leave();
        continue;
      }
      const { frame } = await on.request(request, sendMs);
      if (frame?.type === 'message.sent' && frame.message) {
        const message = named(frame.message, device.user);
        device.note({
          kind: 'sent',
          to,
          clientMessageId: name,
          message,
          duplicate: frame.duplicate ?? false,
        });
        device.hold([frame.message]);
        break;
      }
      if (frame?.code === 'forbidden') {
        own.wasForbidden = true;
        break;
      }
      if (frame?.code === 'bad_request' || frame?.code === 'internal') {
        device.note({ kind: 'refused', to, clientMessageId: name, code: JSON.stringify(frame) });
        break;
      }
      isOpen ||= frame?.code !== 'rate_limited';
      await sleep(frame?.retryAfterMs ?? 150);
    }
    if (!isOpen) own.ended = record.events.length;
  }

  async function acknowledge(read: boolean, older: boolean): Promise<void> {
    const reached = Object.entries(device.positions())
      .map(([conversationId, seq]) => [conversationId, older ? seq >> 1 : seq] as const)
      .filter(([, seq]) => seq > 0);
    if (reached.length === 0) return;
    const positions = Object.fromEntries(reached);
    device.note({ kind: 'ack', positions, confirmed: false });
    const answer = await device.ask({ action: 'ack', positions });
    if (answer?.type === 'ok') device.note({ kind: 'ack', positions, confirmed: true });
    const [[conversationId, seq] = []] = reached;
    if (read && conversationId !== undefined) await device.ask({ action: 'read', conversationId, seq });
  }

  async function fillGaps(): Promise<void> {
    const positions = device.positions();
    for (const conversationId of device.conversationIds()) {
      const after = positions[conversationId] ?? 0;
      const page = await device.ask({ action: 'history', conversationId, after, limit: 20 });
      if (page?.type !== 'history.page' || !page.messages) continue;
      device.note({ kind: 'history', after, messages: page.messages.map((one) => named(one, device.user)) });
      checkPage(
        page.messages.map(({ seq }) => seq),
        after,
      );
      device.hold(page.messages);
    }
  }

  function checkPage(seqs: readonly number[], after: number): void {
    if (seqs.every((seq, index) => seq === after + 1 + index)) return;
    record.findings.push({ rule: 'gap', detail: `${device.device}: history after ${after} is ${seqs}` });
  }

  /** Every conversation once, page by page; one that is written to meanwhile may move, but never twice. */
  async function list(): Promise<void> {
    const seen: string[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page = await device.ask({
        action: 'conversations',
        limit: 1,
        ...(cursor !== undefined && { cursor }),
      });
      if (page?.type !== 'conversations.page') return;
      seen.push(...(page.conversations ?? []).map(({ conversationId }) => conversationId));
      cursor = page.cursor;
    }
    if (new Set(seen).size < seen.length)
      record.findings.push({ rule: 'duplicate', detail: `${device.device} is told of ${seen}` });
  }

  /** A conversation from its newest message down, page by page. */
  async function browse(): Promise<void> {
    const [conversationId] = device.conversationIds();
    if (conversationId === undefined) return;
    const seqs: number[] = [];
    for (let before: number | undefined, more = true; more; before = seqs[0]) {
      const cursor = before === undefined ? {} : { before };
      const page = await device.ask({ action: 'history', conversationId, limit: 3, ...cursor });
      if (page?.type !== 'history.page' || !page.messages) return;
      device.hold(page.messages);
      seqs.unshift(...page.messages.map(({ seq }) => seq));
      more = page.more === true && page.messages.length > 0;
    }
    checkPage(seqs, 0);
  }

  /** What nobody may: beyond the end of one's own, and into what is not one's own. */
  async function trespass(): Promise<void> {
    const [own] = device.conversationIds();
    const [one = '', other = ''] = users.filter((user) => user !== device.user);
    const foreign = directConversationId(one, other || 'somebody');
    const requests = [
      { action: 'ack', positions: { [foreign]: 1 } },
      { action: 'read', conversationId: foreign, seq: 1 },
      { action: 'history', conversationId: foreign },
      { action: 'send', conversationId: foreign, content: 'trespass' },
      ...(own === undefined ? [] : [{ action: 'ack', positions: { [own]: 1_000_000 } }]),
    ];
    for (const request of requests) {
      const answer = await device.ask(request);
      if (answer && answer.code !== 'not_found' && answer.code !== 'bad_request')
        record.findings.push({
          rule: 'trespass',
          detail: `${device.device}: ${JSON.stringify({ request, answer })}`,
        });
    }
  }

  async function changeRelationship(kind: 'block' | 'unblock', other: string): Promise<void> {
    const change = { owner: device.user, other, kind, begun: record.events.length };
    const own: ClientRecord['relationships'][number] = { ...change, confirmed: undefined };
    record.relationships.push(own);
    const answer = await device.ask({ action: kind, userId: other });
    if (answer?.type === 'ok') own.confirmed = record.events.length;
  }

  return async (operation: Operation): Promise<void> => {
    switch (operation.kind) {
      case 'send':
        last = operation;
        return send(operation, false);
      case 'repeat':
        if (last?.withId) await send(last, true);
        return;
      case 'drop':
        return device.leave();
      case 'comeBack':
        if (operation.keepsOld) device.abandon();
        else device.leave();
        await device.connect(operation.only);
        return;
      case 'ack':
        return acknowledge(operation.read, operation.older);
      case 'fillGaps':
        return fillGaps();
      case 'trespass':
        return trespass();
      case 'list':
        return list();
      case 'browse':
        return browse();
      default:
        return changeRelationship(operation.kind, operation.other);
    }
  };
}

/** The device comes back for the last time, and records what it holds and what its user can read. */
export async function finish(device: Device, record: ClientRecord): Promise<void> {
  device.leave();
  const { user } = device;
  if (!(await device.connect()))
    throw new Error(`${device.device} cannot connect although everything works.`);
  record.events.push({ kind: 'held', user, device: device.device, messages: device.held() });
  for (const conversationId of device.conversationIds()) {
    const messages = [];
    for (let more = true; more; ) {
      const after = messages.at(-1)?.seq ?? 0;
      const page = await device.ask({ action: 'history', conversationId, after, limit: 100 });
      if (page?.type !== 'history.page')
        throw new Error(`${device.device} cannot read its history: ${JSON.stringify(page)}`);
      messages.push(...(page.messages ?? []));
      more = page.more === true && (page.messages ?? []).length > 0;
    }
    record.events.push({
      kind: 'final',
      user,
      conversationId,
      messages: messages.map((one) => named(one, user)),
    });
  }
  const list = await device.ask({ action: 'conversations', limit: 100 });
  const askedAt = record.events.length;
  for (const standing of list?.conversations ?? []) record.standings.push({ user, askedAt, ...standing });
}
