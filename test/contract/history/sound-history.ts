import type { Message } from '../support/shapes.ts';
import type { Random } from './random.ts';
import type { Event, SendEvent } from './record.ts';

interface Talk {
  readonly conversationId: string;
  readonly members: readonly [string, string];
  readonly log: Message[];
  /** By user, as the server has it. */
  readonly delivered: Map<string, number>;
}

interface Device {
  readonly user: string;
  readonly device: string;
  readonly namesPositions: boolean;
  /** By conversation: the seqs that it holds. */
  readonly held: Map<Talk, Set<number>>;
}

export interface SoundHistoryOptions {
  readonly random: Random;
  readonly users: number;
  /** Steps of all devices together; each is one event or two. */
  readonly steps: number;
}

/** Whom one user writes to first; as many others write to them. */
const mostPeers = 5;

/**
 * What the clients of a service without a fault may have recorded. Sends overlap, are cut and repeated. Pushes come in
 * any order and more than once. Drains begin before others end. Of some acknowledgements nobody knows whether they
 * arrived. Each device comes back at the end.
 */
export function makeSoundHistory({ random, users, steps }: SoundHistoryOptions): Event[] {
  const events: Event[] = [];
  const devices = makeDevices(random, users);
  const talks = new Map<string, Talk>();
  const talksOf = new Map<string, Talk[]>();
  /** Ends of what has begun, in no order. */
  const open: (() => void)[] = [];
  let [sends, drains, messages] = [0, 0, 0];

  function talkOf(one: string, other: string): Talk {
    const members = [one, other].sort() as [string, string];
    const conversationId = members.join(' and ');
    const known = talks.get(conversationId);
    if (known) return known;
    const talk = { conversationId, members, log: [], delivered: new Map<string, number>() };
    talks.set(conversationId, talk);
    for (const user of members) talksOf.set(user, [...(talksOf.get(user) ?? []), talk]);
    return talk;
  }

  function commit(talk: Talk, { user, to, content, clientMessageId }: SendEvent): Message {
    messages += 1;
    const seq = talk.log.length + 1;
    const message = {
      ...{ messageId: `id-${messages}`, conversationId: talk.conversationId, seq, content, clientMessageId },
      ...{ senderId: user, recipientId: to, sentAt: new Date(Date.UTC(2026) + messages).toISOString() },
    };
    talk.log.push(message);
    return message;
  }

  /** Sent up to three times; committed by one of the attempts, or by none; confirmed by those that were not cut. */
  function send(device: Device): void {
    const to = pickPeer(device.user);
    sends += 1;
    const name = { user: device.user, device: device.device, to, clientMessageId: `c-${sends}` };
    const event: SendEvent = { kind: 'send', ...name, content: `content ${sends}` };
    const talk = talkOf(device.user, to);
    let made: Message | undefined;
    let saidNew = false;
    const attempt = (number: number) => {
      events.push(event);
      open.push(() => {
        const arrives = !random.chance(10);
        const duplicate = made !== undefined;
        if (arrives) made ??= commit(talk, event);
        if (arrives && made && !random.chance(15)) {
          events.push({ ...event, kind: 'sent', message: made, duplicate: duplicate || saidNew });
          saidNew = true;
          hold(device, talk, made.seq);
        } else if (number < 3) attempt(number + 1);
      });
    };
    attempt(1);
  }

  /** Somebody near by, as users have few whom they write to. */
  function pickPeer(user: string): string {
    const distance = 1 + random.below(Math.min(users - 1, mostPeers));
    return `user${(Number(user.slice(4)) + distance) % users}`;
  }

  function endOne(): void {
    const picked = random.below(open.length || 1);
    const last = open.pop();
    const end = open[picked] ?? last;
    if (last && picked < open.length) open[picked] = last;
    end?.();
  }

  function push(device: Device): void {
    const talk = pickTalk(device);
    if (!talk) return;
    const message = seenBy(device.user, random.pick(talk.log));
    events.push({ kind: 'pushed', user: device.user, device: device.device, message });
    hold(device, talk, message.seq);
  }

  function acknowledge(device: Device): void {
    const talk = pickTalk(device);
    const seq = talk ? positionOf(device, talk) : 0;
    if (!talk || seq === 0) return;
    const ack = { user: device.user, device: device.device, positions: { [talk.conversationId]: seq } };
    events.push({ kind: 'ack', ...ack, confirmed: false });
    const arrives = random.chance(90);
    const move = () => talk.delivered.set(device.user, Math.max(talk.delivered.get(device.user) ?? 0, seq));
    if (arrives && random.chance(50)) move();
    open.push(() => {
      if (!arrives) return;
      move();
      if (random.chance(90)) events.push({ kind: 'ack', ...ack, confirmed: true });
    });
  }

  function reconnect(device: Device, toItsEnd: boolean): () => void {
    drains += 1;
    const drain = { user: device.user, device: device.device, drain: drains };
    const own = (talksOf.get(device.user) ?? []).map((talk) => [talk, positionOf(device, talk)] as const);
    const positions = Object.fromEntries(own.map(([talk, position]) => [talk.conversationId, position]));
    events.push({ kind: 'reconnect', ...drain, ...(device.namesPositions && { positions }) });
    const startOf = new Map<Talk, number>(own);
    return () => {
      const cut = !toItsEnd && random.chance(15);
      const more = !cut && !toItsEnd && random.chance(10);
      let all = (talksOf.get(device.user) ?? []).flatMap((talk) => {
        const delivered = talk.delivered.get(device.user) ?? 0;
        return talk.log.slice(device.namesPositions ? (startOf.get(talk) ?? 0) : delivered);
      });
      if (cut || more) all = all.slice(0, random.below(all.length + 1));
      const got = all.map((message) => seenBy(device.user, message));
      events.push({ kind: 'drained', ...drain, messages: got, more, cut });
      for (const { conversationId, seq } of got) hold(device, talks.get(conversationId), seq);
    };
  }

  function readHistory(device: Device): void {
    const talk = pickTalk(device);
    if (!talk) return;
    const after = random.below(talk.log.length);
    const page = talk.log.slice(after, after + 5).map((message) => seenBy(device.user, message));
    events.push({ kind: 'history', user: device.user, device: device.device, after, messages: page });
    for (const { seq } of page) hold(device, talk, seq);
  }

  const pickTalk = ({ user }: Device) => {
    const usable = (talksOf.get(user) ?? []).filter(({ log }) => log.length > 0);
    return usable.length > 0 ? random.pick(usable) : undefined;
  };

  for (let step = 0; step < steps; step += 1) {
    const device = random.pick(devices);
    const dice = random.below(100);
    if (dice < 35) send(device);
    else if (dice < 70) endOne();
    else if (dice < 85) push(device);
    else if (dice < 92) acknowledge(device);
    else if (dice < 96) open.push(reconnect(device, false));
    else readHistory(device);
  }
  while (open.length > 0) open.pop()?.();
  for (const device of devices) comeBack(device);
  for (const [user, own] of talksOf)
    for (const { conversationId, log } of own)
      events.push({
        ...{ kind: 'final', user, conversationId },
        messages: log.map((message) => seenBy(user, message)),
      });
  return events;

  function comeBack(device: Device): void {
    reconnect(device, true)();
    // Without positions, what was acknowledged for another device may have to come by history.
    const own = (talksOf.get(device.user) ?? []).flatMap(({ log }) => log);
    const messages = own.map((message) => seenBy(device.user, message));
    events.push({ kind: 'held', user: device.user, device: device.device, messages });
  }
}

function makeDevices(random: Random, users: number): Device[] {
  return Array.from({ length: users }, (_, index) => `user${index}`).flatMap((user) =>
    Array.from({ length: 1 + random.below(3) }, (_, number) => ({
      ...{ user, device: `${user}/${number}`, namesPositions: random.chance(70) },
      held: new Map<Talk, Set<number>>(),
    })),
  );
}

/** Its clientMessageId is shown to the sender alone. */
function seenBy(user: string, message: Message): Message {
  if (message.senderId === user) return message;
  const { clientMessageId: _, ...shown } = message;
  return shown;
}

function hold({ held }: Device, talk: Talk | undefined, seq: number): void {
  if (!talk) return;
  const seqs = held.get(talk) ?? new Set<number>();
  held.set(talk, seqs.add(seq));
}

function positionOf({ held }: Device, talk: Talk): number {
  const seqs = held.get(talk);
  let position = 0;
  while (seqs?.has(position + 1)) position += 1;
  return position;
}
