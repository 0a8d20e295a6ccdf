import { type Client, type ClientEvents, createClient } from '../../../client/client.ts';
import type { ClientOptions } from '../../../client/options.ts';
import { type Frame, makeScriptedGateway, type ScriptedConnection } from './scripted-gateway.ts';
import { flush, makeVirtualClock } from './virtual-clock.ts';

type Told = { [Name in keyof ClientEvents]: ClientEvents[Name][] };

/** A client against a scripted gateway, in virtual time, with everything that it has told. */
export function makeScriptedClient(options: Partial<ClientOptions> = {}) {
  const gateway = makeScriptedGateway();
  const clock = makeVirtualClock();
  let ids = 0;
  const client = createClient({
    url: 'wss://example.test/stage',
    getToken: () => 'a.b.c',
    positions: {},
    WebSocket: gateway.WebSocket,
    clock,
    random: () => 0.5,
    newId() {
      ids += 1;
      return `id-${ids}`;
    },
    ...options,
  });
  const told = listen(client);

  /** Connects and answers the catch-up with `done`; gives the server's end. */
  async function connected(pages: readonly Frame[][] = []): Promise<ScriptedConnection> {
    client.connect();
    await flush();
    return await admit(pages);
  }

  /** Lets the connection that has begun in, and answers its catch-up. */
  async function admit(pages: readonly Frame[][] = []): Promise<ScriptedConnection> {
    const connection = gateway.next();
    await connection.open();
    await answerCatchUp(connection, pages);
    connection.answerLooks();
    return connection;
  }

  return { client, gateway, clock, told, connected, admit };
}

/** Answers the `reconnect` that has come: these pages of messages, then the end. */
export async function answerCatchUp(
  connection: ScriptedConnection,
  pages: readonly Frame[][] = [],
  more = false,
): Promise<Frame> {
  const request = connection.take('reconnect');
  for (const messages of pages) await connection.reply(request, { type: 'reconnect.page', messages });
  await connection.reply(request, { type: 'reconnect.done', conversations: [], more });
  return request;
}

/** A message from bob to alice. */
export function message(seq: number, fields: Frame = {}): Frame {
  return {
    messageId: `m-${seq}`,
    conversationId: 'c',
    seq,
    senderId: 'bob',
    recipientId: 'alice',
    content: `content ${seq}`,
    sentAt: '2026-01-01T00:00:00.000Z',
    ...fields,
  };
}

/** What confirms a `send`, as a message from alice to bob. */
export function sent(request: Frame, seq: number, fields: Frame = {}): Frame {
  const { content, clientMessageId, conversationId = 'c' } = request;
  const own = { senderId: 'alice', recipientId: 'bob', content, clientMessageId, conversationId, ...fields };
  return { type: 'message.sent', messageId: `m-${seq}`, message: message(seq, own) };
}

export function pushOf(seq: number, fields: Frame = {}): Frame {
  return { type: 'message.new', messageId: `m-${seq}`, message: message(seq, fields) };
}

export function error(code: string, fields: Frame = {}): Frame {
  return { type: 'error', code, message: `It is ${code}.`, remedy: 'Do something.', ...fields };
}

function listen(client: Client): Told {
  const told: Told = {
    state: [],
    message: [],
    gap: [],
    receipt: [],
    sent: [],
    failed: [],
    reset: [],
    error: [],
  };
  client.on('state', (payload) => told.state.push(payload));
  client.on('message', (payload) => told.message.push(payload));
  client.on('gap', (payload) => told.gap.push(payload));
  client.on('receipt', (payload) => told.receipt.push(payload));
  client.on('sent', (payload) => told.sent.push(payload));
  client.on('failed', (payload) => told.failed.push(payload));
  client.on('reset', (payload) => told.reset.push(payload));
  client.on('error', (payload) => told.error.push(payload));
  return told;
}
