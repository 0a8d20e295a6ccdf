/**
 * A process of its own, in which functions that not every runtime has are taken away before the SDK is loaded: those that
 * are named on the command line. It prints what a conversation gave.
 */
import { WebSocket } from 'ws';
import type { OutboxStorage, QueuedSend } from '../../../client/index.ts';

const [sdk = '', url = '', alicesToken = '', bob = '', bobsToken = '', ...missing] = process.argv.slice(2);

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
process.on('unhandledRejection', fail);

/** Where `path` is found, and its name there. */
function find(path: string): [object | undefined, string] {
  const names = path.split('.');
  const name = names.pop() ?? '';
  const holder = names.reduce<unknown>((value, part) => Reflect.get(Object(value), part), globalThis);
  return [holder === undefined ? undefined : Object(holder), name];
}

const places = missing.map(find);
// Node loads some of them when they are first asked for, and needs the others for that.
for (const [holder, name] of places) if (holder && !name.includes('prototype')) readQuietly(holder, name);
for (const [holder, name] of places)
  if (holder) Object.defineProperty(holder, name, { value: undefined, configurable: true });

function readQuietly(holder: object, name: string): void {
  try {
    Reflect.get(holder, name);
  } catch {
    // An accessor of a prototype.
  }
}

const { createClient, PostriderError }: typeof import('../../../client/index.ts') = await import(sdk);

let attempts = 0;
/** Its first attempt fails. */
class Flaky extends WebSocket {
  constructor(to: string, protocols: string[]) {
    attempts += 1;
    super(attempts === 1 ? 'ws://127.0.0.1:9/' : to, protocols);
  }
}

const left: QueuedSend = { clientMessageId: 'left', recipientId: bob, content: 'left', queuedAt: 1 };
const rows = new Map([['left', left]]);
const storage: OutboxStorage = {
  all: () => [...rows.values()],
  put: (send) => void rows.set(send.clientMessageId, send),
  remove: (id) => void rows.delete(id),
};

// The first wait is short; it has no part in what is tested.
const common = { url, random: () => 0.05 };
const reader = createClient({ ...common, WebSocket, positions: {}, getToken: () => bobsToken });
const writer = createClient({ ...common, WebSocket: Flaky, storage, getToken: () => alicesToken });
const received: string[] = [];
const done = new Promise<void>((resolve) => {
  reader.on('message', ({ content }) => {
    if (received.push(content) === 3) resolve();
  });
});
for (const client of [reader, writer]) {
  client.on('error', fail);
  client.connect();
}

const message = await writer.send({ recipientId: bob, content: 'hello' });
await writer.send({ conversationId: message.conversationId, content: 'grüße 👋' });
await done;
await reader.read(message.conversationId, 3);
const { messages } = await writer.history({ conversationId: message.conversationId });
const refusal = await writer.send({ recipientId: bob, content: '\ud800' }).catch((error) => error);
for (const client of [reader, writer]) client.close();
const isExplained = refusal instanceof PostriderError && refusal.code === 'bad_request';
process.stdout.write(JSON.stringify({ received, history: messages.length, isExplained, attempts }));
process.exit(0);
