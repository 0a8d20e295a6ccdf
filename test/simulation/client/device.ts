import type { Event } from '#test/contract/history/record.ts';
import type { Message } from '#test/contract/support/shapes.ts';
import type { Socket, SocketListener } from '../aws/gateway.ts';
import type { Dice } from '../dice.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Trace } from '../trace.ts';
import { type Answered, type DeviceConnection, type Frame, openConnection } from './connection.ts';
import type { ClientRecord } from './record.ts';

export interface DeviceOptions {
  readonly user: string;
  readonly device: string;
  /** Whether it names its positions, or goes by what it has acknowledged. */
  readonly namesPositions: boolean;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly record: ClientRecord;
  readonly trace: Trace;
  readonly nextDrain: () => number;
  readonly open: (listener: SocketListener) => Promise<Socket | undefined>;
}

/** A client of the protocol: what it holds, and the connection that it is on. */
export interface Device {
  readonly user: string;
  readonly device: string;
  holds(conversationId: string, seq: number): boolean;
  /** The highest seq of each conversation up to which it holds everything. */
  positions(): Record<string, number>;
  conversationIds(): string[];
  /** Every message that it holds, each conversation in its order. */
  held(): Message[];
  hold(messages: readonly Message[]): void;
  /** A connection on which it has caught up; `undefined` if that could not be had now. */
  connect(only?: boolean): Promise<DeviceConnection | undefined>;
  /** Whether it has caught up on the connection that it is on, and on which one. */
  settledOn(): DeviceConnection | undefined;
  leave(): void;
  /** Forgets the connection without closing it. */
  abandon(): void;
  /** Asks until there is an answer that is worth having; `undefined` if none could be had now. */
  ask(request: object): Promise<Frame | undefined>;
  note(event: DistributiveOmit<Event, 'user' | 'device'>): void;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const requestMs = 9_000;
const drainMs = 40_000;
const connectAttempts = 6;
const askAttempts = 6;

export function makeDevice(options: DeviceOptions): Device {
  const { user, device, scheduler, dice, record } = options;
  const talks = new Map<string, Map<number, Message>>();
  let connection: DeviceConnection | undefined;
  let drained: DeviceConnection | undefined;
  let settled: DeviceConnection | undefined;
  /** Which life of the data its positions belong to; until it knows, it has none to hand back. */
  let epoch: string | undefined;
  const opened = new Set<DeviceConnection>();
  let { namesPositions } = options;
  let connecting: Promise<DeviceConnection | undefined> | undefined;

  const note: Device['note'] = (event) => {
    record.events.push({ user, device, ...event } as Event);
    if (options.trace.isKept) options.trace.note('client:', JSON.stringify({ device, ...event }));
  };

  function hold(messages: readonly Message[]): void {
    for (const message of messages) {
      const talk = talks.get(message.conversationId) ?? new Map<number, Message>();
      talks.set(message.conversationId, talk);
      talk.set(message.seq, message);
    }
  }

  /** The data are in another life: all that it holds is of the old one, and so is whatever still comes over a connection. */
  function startAnew(): void {
    record.resets.push({ device, at: record.events.length });
    talks.clear();
    [epoch, settled, drained] = [undefined, undefined, undefined];
    // It wants everything again, not what was never acknowledged.
    namesPositions = true;
    for (const one of opened) one.leave();
    opened.clear();
  }

  function positions(): Record<string, number> {
    return Object.fromEntries(
      [...talks].map(([conversationId, talk]) => {
        let position = 0;
        while (talk.has(position + 1)) position += 1;
        return [conversationId, position];
      }),
    );
  }

  function onPush({ message }: Frame, hasReconnected: boolean): void {
    if (!message) return;
    if (!hasReconnected)
      record.findings.push({ rule: 'early', detail: `${device} got a push before its reconnect` });
    note({ kind: 'pushed', message: named(message, user) });
    hold([message]);
  }

  /** One reconnect to its end; whether the device has caught up by it, has to go on, or has lost it. */
  async function drain(on: DeviceConnection, only: boolean): Promise<'caughtUp' | 'more' | 'lost'> {
    const drainNumber = options.nextDrain();
    // Without an epoch the first one asks for nothing else: what comes then belongs to it.
    const learns = namesPositions && epoch === undefined;
    const [own, leavesOut] = learns ? [{}, true] : [positions(), only];
    const inLife = { ...(leavesOut && { only: true }), ...(epoch !== undefined && { epoch }) };
    const fields = namesPositions ? { positions: own, ...inLife } : {};
    note({
      kind: 'reconnect',
      drain: drainNumber,
      ...(namesPositions && { positions: asked(own, leavesOut) }),
    });
    const { frame, pages } = await on.request({ action: 'reconnect', ...fields }, drainMs);
    const isDone = frame?.type === 'reconnect.done';
    // Only who names no positions has to look: the others are told by the server.
    const isAnother = !namesPositions && isDone && epoch !== undefined && epoch !== frame.epoch;
    if (isAnother) startAnew();
    if (isAnother) return 'lost';
    if (isDone) epoch = frame.epoch;
    const messages = pages.flatMap((page) => page.messages ?? []);
    const more = frame?.more ?? true;
    note({
      kind: 'drained',
      drain: drainNumber,
      messages: messages.map((one) => named(one, user)),
      more,
      cut: !isDone,
    });
    hold(messages);
    if (!isDone) {
      await takeBreak({ frame, pages });
      return 'lost';
    }
    return more || learns ? 'more' : 'caughtUp';
  }

  async function takeBreak({ frame }: Answered): Promise<void> {
    if (frame?.code === 'internal' || frame?.code === 'bad_request')
      record.findings.push({ rule: 'defect', detail: `${device} was answered ${JSON.stringify(frame)}` });
    await scheduler.sleep(frame?.retryAfterMs ?? dice.between(20, 800));
  }

  const connectionOptions = { scheduler, open: options.open, onPush, onEpochChanged: startAnew };

  async function openAndCatchUp(only: boolean): Promise<DeviceConnection | undefined> {
    for (let attempt = 0; attempt < connectAttempts; attempt += 1) {
      // What came over a connection whose epoch it never learnt is nothing to go by.
      if (epoch === undefined) talks.clear();
      const on = await openConnection(connectionOptions);
      connection = on;
      if (on) opened.add(on);
      // Until its reconnect nothing may be pushed to it.
      if (dice.chance(0.1)) await scheduler.sleep(dice.between(20, 3_000));
      for (let state = on ? 'more' : 'lost'; on && state !== 'lost'; ) {
        state = await drain(on, only);
        if (state === 'caughtUp') {
          drained = on;
          // With `only`, what it did not name may still be missing.
          if (!only) settled = on;
          return on;
        }
        if (state === 'more') {
          const arrived = positions();
          if (Object.keys(arrived).length > 0) await acknowledgeOn(on, arrived);
        }
      }
      on?.leave();
      await scheduler.sleep(dice.between(50, 1_000));
    }
    return undefined;
  }

  async function acknowledgeOn(on: DeviceConnection, reached: Record<string, number>): Promise<void> {
    const above0 = Object.fromEntries(Object.entries(reached).filter(([, seq]) => seq > 0));
    if (Object.keys(above0).length === 0) return;
    note({ kind: 'ack', positions: above0, confirmed: false });
    const { frame } = await on.request({ action: 'ack', positions: above0 }, requestMs);
    if (frame?.type === 'ok') note({ kind: 'ack', positions: above0, confirmed: true });
    else await scheduler.sleep(100);
  }

  const connect: Device['connect'] = async (only = false) => {
    if (connection?.isOpen() && drained === connection) return connection;
    connecting ??= openAndCatchUp(only).finally(() => {
      connecting = undefined;
    });
    return connecting;
  };

  return {
    user,
    device,
    note,
    hold,
    positions,
    connect,
    holds: (conversationId, seq) => talks.get(conversationId)?.has(seq) ?? false,
    conversationIds: () => [...talks.keys()],
    held: () =>
      [...talks.values()].flatMap((talk) => [...talk.values()].sort((one, other) => one.seq - other.seq)),
    settledOn: () => (settled?.isOpen() ? settled : undefined),
    leave() {
      connection?.leave();
      connection = undefined;
    },
    abandon() {
      connection = undefined;
    },
    async ask(request) {
      for (let attempt = 0; attempt < askAttempts; attempt += 1) {
        const on = await connect();
        if (!on) return undefined;
        const answered = await on.request(request, requestMs);
        const { frame } = answered;
        const comesAgain =
          !frame?.type ||
          ['unavailable', 'rate_limited', 'unauthenticated', 'epoch_changed'].includes(frame.code ?? '');
        if (!comesAgain) {
          if (frame.code === 'internal') await takeBreak(answered);
          return frame;
        }
        await takeBreak(answered);
        if (!frame && dice.chance(0.5)) on.leave();
      }
      return undefined;
    },
  };
}

/** The checker takes an unnamed conversation for position 0; with `only` it is left out instead. */
function asked(positions: Record<string, number>, only: boolean): Record<string, number> {
  if (!only) return positions;
  return new Proxy(positions, { get: (target, name: string) => target[name] ?? Number.MAX_SAFE_INTEGER });
}

/**
 * The checker knows sends by their clientMessageId. One that went out without is known by the first word of its
 * content, which no two have in common.
 */
export function named(message: Message, viewer: string): Message {
  if (message.clientMessageId !== undefined || message.senderId !== viewer) return message;
  return { ...message, clientMessageId: message.content.split(' ')[0] ?? '' };
}
