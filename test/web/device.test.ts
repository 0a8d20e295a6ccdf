import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { makeDevice } from '../../web/device.ts';
import { makeMemory } from '../../web/memory.ts';

test('a device tells nothing before it is woken: what hears it may not be there yet', () => {
  const told: string[] = [];
  const device = makeDevice(
    {
      user: 'alice',
      name: 'alice 1',
      url: 'ws://127.0.0.1:1/local',
      storage: { all: () => [], put: () => undefined, remove: () => undefined },
      memory: {
        recall: () => ({ deliveredSeq: 0, readSeq: 0, isBlocked: false }),
        keep: () => undefined,
        recallFailed: () => [],
        keepFailed: () => undefined,
        forgetFailed: () => undefined,
        turnTo: () => false,
      },
      getToken: () => new Promise(() => {}),
      onShow: (peer) => told.push(peer),
      onChange: () => told.push('change'),
      onIncoming: () => told.push('incoming'),
      onProblem: (text) => told.push(text),
    },
    'bob',
  );
  expect(told).toEqual([]);
  device.wake();
  expect(told).toEqual(['change']);
  device.close();
});

/** A server that has one message in its first life, and after a restore none. */
async function startRestored() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'postrider.v1' });
  await once(server, 'listening');
  const message = {
    ...{ messageId: 'm', conversationId: 'c', seq: 1, senderId: 'bob', recipientId: 'alice' },
    ...{ content: 'before the restore', sentAt: new Date(0).toISOString() },
  };
  let life = 'one';
  server.on('connection', (socket) =>
    socket.on('message', (data) => {
      const { action, requestId, epoch } = JSON.parse(String(data));
      const reply = (frame: object) => socket.send(JSON.stringify({ requestId, ...frame }));
      if (action === 'conversations') return reply({ type: 'conversations.page', conversations: [] });
      if (action !== 'reconnect') return reply({ type: 'ok' });
      if (epoch !== undefined && epoch !== life)
        return reply({
          ...{ type: 'error', code: 'epoch_changed', epoch: life },
          ...{ message: 'The data began anew.', remedy: 'Reconnect.' },
        });
      reply({ type: 'reconnect.done', conversations: [], more: false, epoch: life });
      if (life === 'one') socket.send(JSON.stringify({ type: 'message.new', messageId: 'm', message }));
    }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/local`,
    restore() {
      life = 'two';
      for (const socket of server.clients) socket.terminate();
    },
    stop: () => server.close(),
  };
}

test('after a restore of the server nothing is shown that it does not have, and the person is told', async () => {
  const server = await startRestored();
  const kept = new Map<string, string>();
  const problems: string[] = [];
  const device = makeDevice(
    {
      user: 'alice',
      name: 'alice 1',
      url: server.url,
      storage: { all: () => [], put: () => undefined, remove: () => undefined },
      memory: makeMemory({
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => void kept.set(key, value),
        removeItem: (key) => void kept.delete(key),
        key: (index) => [...kept.keys()][index] ?? null,
        get length() {
          return kept.size;
        },
      }),
      getToken: async () => 'a.b.c',
      onShow() {},
      onChange() {},
      onIncoming() {},
      onProblem: (text) => problems.push(text),
    },
    'bob',
  );
  try {
    device.wake();
    await vi.waitFor(() => expect(device.open().messages.size).toBe(1), { timeout: 60_000 });
    server.restore();
    await vi.waitFor(() => expect(problems.join()).toContain('began anew'), { timeout: 60_000 });
    expect(device.open().messages.size).toBe(0);
    expect(device.open().peer).toBe('bob');
  } finally {
    device.close();
    server.stop();
  }
}, 150_000);
