import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Stack, startStack } from '#localstack/stack.ts';

/** Distinctive enough to be found in any file, and unlike anything that the system writes of its own. */
const marked = 'The-Marked-Content-Of-This-Very-Test';

let stack: Stack;
const logs: string[] = [];
const notifications: unknown[] = [];
const dataDir = mkdtempSync(join(tmpdir(), 'postrider-at-rest-'));

beforeAll(async () => {
  stack = await startStack({
    dataDir,
    environment: { POWERTOOLS_LOG_LEVEL: 'DEBUG', POWERTOOLS_METRICS_DISABLED: 'false' },
    onLog: (line) => logs.push(line),
    onNotification: (_, detail) => notifications.push(detail),
  });
});
afterAll(async () => {
  await stack.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function connect(user: string) {
  const token = await stack.token(user);
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${token}`]);
  const frames: { type: string; [key: string]: unknown }[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const request = async (frame: object, until: string) => {
    const before = frames.length;
    socket.send(JSON.stringify(frame));
    await expect
      .poll(() => frames.slice(before).some(({ type }) => type === until), { timeout: 20_000 })
      .toBe(true);
  };
  return { token, socket, frames, request };
}

test('content and tokens are nowhere in the clear: database files, cache, queue, notifications, logs', async () => {
  const alice = await connect('alice');
  const bob = await connect('bob');
  await bob.request({ action: 'reconnect' }, 'reconnect.done');
  const send = { action: 'send', content: marked, clientMessageId: 'c' };
  await alice.request({ ...send, recipientId: 'bob' }, 'message.sent');
  await alice.request({ ...send, recipientId: 'carol' }, 'message.sent');
  await alice.request({ ...send, recipientId: 'bob' }, 'message.sent');
  await alice.request({ ...send, recipientId: 'bob', content: `${marked}!` }, 'error');
  alice.socket.send(`{"action":"send","content":"${marked}","recipientId":`);
  alice.socket.send(JSON.stringify({ action: 'send', content: marked, recipientId: 'alice', [marked]: 1 }));
  const last = bob.frames.find(({ type }) => type === 'message.new') as unknown as {
    message: { conversationId: string };
  };
  await bob.request({ action: 'history', conversationId: last.message.conversationId }, 'history.page');
  // Until the second look at what carol has not fetched, so that the queue has been through its work as well.
  await expect.poll(() => notifications.length, { timeout: 25_000 }).toBeGreaterThan(0);

  const places: Record<string, string> = {
    logs: logs.join('\n'),
    notifications: JSON.stringify(notifications),
    ...(await cacheContents()),
  };
  for (const file of globSync('**/*', { cwd: dataDir, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ))
    places[file.name] = await readFile(join(file.parentPath, file.name), 'latin1');

  expect(Object.keys(places).length).toBeGreaterThan(4);
  const inBase64 = (text: string) => Buffer.from(text).toString('base64').slice(4, 40);
  for (const [place, contents] of Object.entries(places))
    for (const secret of [marked, inBase64(marked), alice.token.slice(-40)])
      expect(contents.includes(secret), `${secret.slice(0, 12)}… in ${place}`).toBe(false);
  // What is looked for can be found: the database does hold the message's row.
  expect(Object.values(places).some((contents) => contents.includes(last.message.conversationId))).toBe(true);
  alice.socket.close();
  bob.socket.close();
});

/** Every value of the cache, where there is one on this machine. */
async function cacheContents(): Promise<Record<string, string>> {
  if (!stack.cache) return {};
  const redis = new Redis(stack.cache.url);
  try {
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    const values = await Promise.all(
      keys.map(async (key) =>
        (await redis.type(key)) === 'zset' ? redis.zrangeBuffer(key, 0, -1) : [await redis.getBuffer(key)],
      ),
    );
    return { cache: Buffer.concat(values.flat().flatMap((value) => value ?? [])).toString('latin1') };
  } finally {
    redis.disconnect();
  }
}
