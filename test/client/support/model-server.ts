import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from '../../../client/web-socket.ts';
import type { Frame } from './scripted-gateway.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How often things go wrong, 0 to 1. */
export interface FaultRates {
  readonly refusedHandshake: number;
  readonly cutBeforeHandling: number;
  readonly cutBeforeReply: number;
  readonly cutWithReply: number;
  readonly cutInPages: number;
  readonly lostPush: number;
  readonly doubledPush: number;
  readonly unavailableBefore: number;
  readonly unavailableAfter: number;
  readonly gatewayError: number;
  readonly rateLimited: number;
  /** A message becomes unreadable for good, after it was pushed. */
  readonly unreadable: number;
}

export interface LoggedMessage {
  readonly seq: number;
  readonly senderId: string;
  readonly content: string;
  readonly clientMessageId: string;
  isUnreadable: boolean;
}

interface Model {
  /** Which life of the data this is. */
  epoch: string;
  readonly clock: VirtualClock;
  /** Uniform in [0, 1), seeded. */
  readonly random: () => number;
  readonly rates: FaultRates;
  readonly logs: Map<string, LoggedMessage[]>;
  readonly delivered: Map<string, number>;
  readonly sockets: Set<Socket>;
}

interface Socket {
  readonly user: string;
  epoch: string;
  isReady: boolean;
  isOpen: boolean;
  emit(event: WebSocketEvent): void;
}

export interface ModelServer {
  readonly logs: ReadonlyMap<string, readonly LoggedMessage[]>;
  /** How far a user has acknowledged. */
  deliveredSeq(user: string, conversationId: string): number;
  /** A WebSocket whose token is the user's id. */
  readonly WebSocket: WebSocketConstructor;
  /** Restores a backup: of each conversation the first so many messages are left. */
  goBack(keep: (length: number) => number): void;
  /** From now on nothing goes wrong. Every connection is cut, so that every device catches up. */
  settleDown(): void;
}

/** The wire contract in memory, with a network that loses, doubles, delays and reorders: everything by one seed. */
export function makeModelServer(clock: VirtualClock, random: () => number, faults: FaultRates): ModelServer {
  let isCalm = false;
  const rates = new Proxy(faults, { get: (target, name: keyof FaultRates) => (isCalm ? 0 : target[name]) });
  const model: Model = {
    epoch: 'life 1',
    clock,
    random,
    rates,
    logs: new Map(),
    delivered: new Map(),
    sockets: new Set(),
  };

  class ModelWebSocket implements WebSocketLike {
    readonly #listeners: Record<string, ((event: WebSocketEvent) => void)[]> = {};
    readonly #socket: Socket;

    constructor(_url: string, protocols: string[]) {
      const emit = (event: WebSocketEvent) => {
        for (const listener of this.#listeners[event.type] ?? []) listener(event);
      };
      const user = protocols[1]?.replace('bearer.', '') ?? '';
      this.#socket = { user, epoch: '', isReady: false, isOpen: false, emit };
      later(model, () => {
        if (happens(model, 'refusedHandshake')) return cut(model, this.#socket);
        this.#socket.isOpen = true;
        this.#socket.epoch = model.epoch;
        model.sockets.add(this.#socket);
        emit({ type: 'open' });
      });
    }

    send(data: string): void {
      if (!this.#socket.isOpen) return;
      const frame: Frame = JSON.parse(data);
      // Frames of one connection are handled side by side: no order.
      later(model, () => receive(model, this.#socket, frame));
    }

    close(): void {
      cut(model, this.#socket);
    }

    addEventListener(type: string, listener: (event: WebSocketEvent) => void): void {
      this.#listeners[type] = [...(this.#listeners[type] ?? []), listener];
    }
  }

  return {
    logs: model.logs,
    deliveredSeq: (user, conversationId) => model.delivered.get(`${user} ${conversationId}`) ?? 0,
    WebSocket: ModelWebSocket,
    goBack(keep) {
      model.epoch = `${model.epoch} and another`;
      for (const log of model.logs.values()) log.length = keep(log.length);
      for (const [key, seq] of model.delivered) {
        const [, id = ''] = key.split(' ');
        model.delivered.set(key, Math.min(seq, model.logs.get(id)?.length ?? 0));
      }
    },
    settleDown() {
      isCalm = true;
      for (const socket of [...model.sockets]) cut(model, socket);
    },
  };
}

function happens({ random, rates }: Model, fault: keyof FaultRates): boolean {
  return random() < rates[fault];
}

function later({ clock, random }: Model, run: () => void): void {
  clock.after(1 + random() * 80, run);
}

function cut(model: Model, socket: Socket, when = (end: () => void) => later(model, end)): void {
  model.sockets.delete(socket);
  socket.isOpen = false;
  when(() => socket.emit({ type: 'close', code: 1006 }));
}

function emitFrame(socket: Socket, frame: Frame): void {
  if (socket.isOpen) socket.emit({ type: 'message', data: JSON.stringify(frame) });
}

function receive(model: Model, socket: Socket, frame: Frame): void {
  if (!socket.isOpen) return;
  if (happens(model, 'cutBeforeHandling')) {
    cut(model, socket);
    return;
  }
  const early = failure(model, [
    ['rateLimited', { code: 'rate_limited', retryAfterMs: 200 }],
    ['unavailableBefore', { code: 'unavailable' }],
  ]);
  const reply = early ?? handle(model, socket, frame);
  if (happens(model, 'cutBeforeReply')) {
    cut(model, socket);
    return;
  }
  const answer = { ...(failure(model, [['unavailableAfter', { code: 'unavailable' }]]) ?? reply) };
  later(model, () => {
    if (happens(model, 'gatewayError'))
      emitFrame(socket, { message: 'Internal server error', requestId: 'y' });
    else emitFrame(socket, { ...answer, requestId: frame.requestId });
    // In the same turn, as when both have been received before the client gets to work.
    if (happens(model, 'cutWithReply')) cut(model, socket, (end) => end());
  });
}

function failure(model: Model, faults: readonly (readonly [keyof FaultRates, Frame])[]): Frame | undefined {
  const fault = faults.find(([name]) => happens(model, name));
  return fault && { type: 'error', message: 'It failed.', remedy: 'Again.', ...fault[1] };
}

function handle(model: Model, socket: Socket, frame: Frame): Frame {
  if (socket.epoch !== model.epoch) {
    later(model, () => later(model, () => cut(model, socket)));
    return epochChanged(model);
  }
  switch (frame.action) {
    case 'send':
      return handleSend(model, socket, frame);
    case 'reconnect':
      return handleReconnect(model, socket, frame);
    case 'conversations':
      return { type: 'conversations.page', conversations: listConversations(model, socket.user) };
    case 'history':
      return handleHistory(model, frame);
    case 'ack':
      for (const [id, seq] of Object.entries(frame.positions as Record<string, number>)) {
        const key = `${socket.user} ${id}`;
        if (seq > (model.logs.get(id)?.length ?? 0))
          throw new Error(`acknowledged beyond the end: ${id} ${seq}`);
        model.delivered.set(key, Math.max(model.delivered.get(key) ?? 0, seq));
      }
      return { type: 'ok' };
    default:
      return { type: frame.action === 'ping' ? 'pong' : 'ok' };
  }
}

function handleSend(model: Model, socket: Socket, frame: Frame): Frame {
  const members = [socket.user, String(frame.recipientId)].sort();
  const conversationId = members.join('+');
  const log = model.logs.get(conversationId) ?? [];
  model.logs.set(conversationId, log);
  const before = log.find(
    (one) => one.senderId === socket.user && one.clientMessageId === frame.clientMessageId,
  );
  const message = before ?? {
    seq: log.length + 1,
    senderId: socket.user,
    content: String(frame.content),
    clientMessageId: String(frame.clientMessageId),
    isUnreadable: false,
  };
  if (!before) log.push(message);
  for (const to of model.sockets)
    if (members.includes(to.user) && to !== socket) pushTo(model, to, conversationId, message);
  if (happens(model, 'unreadable')) later(model, () => (message.isUnreadable = true));
  return {
    type: 'message.sent',
    messageId: `m${message.seq}`,
    message: view(conversationId, message, socket.user),
  };
}

function epochChanged({ epoch }: Model): Frame {
  return { type: 'error', code: 'epoch_changed', message: 'Another life.', remedy: 'Begin anew.', epoch };
}

function pushTo(model: Model, to: Socket, conversationId: string, message: LoggedMessage): void {
  if (!to.isReady || to.epoch !== model.epoch || happens(model, 'lostPush')) return;
  const frame = {
    type: 'message.new',
    messageId: `m${message.seq}`,
    message: view(conversationId, message, to.user),
  };
  later(model, () => emitFrame(to, frame));
  if (happens(model, 'doubledPush')) later(model, () => later(model, () => emitFrame(to, frame)));
}

/** Pages go out at once and in order, the end marker after them. */
function handleReconnect(model: Model, socket: Socket, { positions, only, requestId, epoch }: Frame): Frame {
  const given = positions as Record<string, number>;
  if (epoch !== undefined && epoch !== model.epoch) return epochChanged(model);
  if (epoch === undefined && Object.keys(given).length > 0)
    throw new Error('positions came without an epoch');
  socket.isReady = true;
  const done = { type: 'reconnect.done', conversations: [], epoch: model.epoch };
  let budget = 6;
  for (const conversationId of idsOf(model, socket.user)) {
    const from = given[conversationId] ?? (only ? Number.POSITIVE_INFINITY : 0);
    const missed = readable(model, conversationId).filter(({ seq }) => seq > from);
    for (const message of missed) {
      if (happens(model, 'cutInPages')) cut(model, socket);
      if (budget === 0) return { ...done, more: true };
      budget -= 1;
      emitFrame(socket, {
        type: 'reconnect.page',
        requestId,
        messages: [view(conversationId, message, socket.user)],
      });
    }
  }
  return { ...done, more: false };
}

function handleHistory(model: Model, { conversationId, after, limit }: Frame): Frame {
  const all = model.logs.get(String(conversationId)) ?? [];
  const to = Number(after) + Number(limit);
  const messages = readable(model, String(conversationId))
    .filter(({ seq }) => seq > Number(after) && seq <= to)
    .map((message) => view(String(conversationId), message, 'reader'));
  return { type: 'history.page', conversationId, messages, more: all.length > to };
}

function listConversations(model: Model, user: string): Frame[] {
  return idsOf(model, user).map((conversationId) => ({
    conversationId,
    members: conversationId.split('+'),
    lastSeq: model.logs.get(conversationId)?.length ?? 0,
    deliveredSeq: model.delivered.get(`${user} ${conversationId}`) ?? 0,
    readSeq: 0,
    unread: 0,
    lastMessageAt: '',
  }));
}

function idsOf({ logs }: Model, user: string): string[] {
  return [...logs.keys()].filter((id) => id.split('+').includes(user));
}

function readable({ logs }: Model, conversationId: string): LoggedMessage[] {
  return (logs.get(conversationId) ?? []).filter(({ isUnreadable }) => !isUnreadable);
}

function view(conversationId: string, message: LoggedMessage, reader: string): Frame {
  const { seq, senderId, content, clientMessageId } = message;
  const recipientId = conversationId.split('+').find((member) => member !== senderId);
  return {
    messageId: `m${seq}`,
    conversationId,
    seq,
    senderId,
    recipientId,
    content,
    sentAt: '2026-01-01T00:00:00.000Z',
    ...(senderId === reader && { clientMessageId }),
  };
}
