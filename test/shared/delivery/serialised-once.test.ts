import { expect, test, vi } from 'vitest';
import type { Connection } from '#shared/connections/connections.ts';
import { deliverNow } from '#shared/delivery/deliver-now.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

const conversation = {
  conversationId: 'c'.repeat(43),
  members: ['alice', 'bob'],
  keySalt: new Uint8Array(32),
} as const;
const stored = {
  conversationId: conversation.conversationId,
  seq: 1,
  messageId: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
  senderId: 'alice',
  senderCount: 1,
  sentAt: 1,
  clientMessageId: 'once',
  ciphertext: new Uint8Array(),
};
const connectionsOf = (userId: string, count: number): Connection[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ userId, connectionId: `${userId}-${index}`, address: '192.0.2.1' },
    ...{ connectedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER, ready: true, epoch: 'this life' },
  }));

/** Half of the recipients are found beside the commit, all of them after it. */
async function deliverTo(recipients: number, ownDevices: number) {
  const all = [...connectionsOf('bob', recipients), ...connectionsOf('alice', ownDevices)];
  const posted: string[] = [];
  const make = vi.spyOn(JSON, 'stringify');
  await deliverNow(
    {
      connections: {
        add: async () => {},
        remove: async () => {},
        markReady: async () => true,
        of: async (userId) => all.filter((one) => one.userId === userId),
      },
      gateway: {
        async post(_connectionId, frame) {
          posted.push(frame);
          return 'posted';
        },
        close: async () => 'closed',
      },
      tiers: [],
      clock: { now: () => 0, sleep: () => new Promise(() => {}) },
      telemetry: silentTelemetry,
      epoch: 'this life',
    },
    {
      stored,
      content: 'Hello',
      conversation,
      from: 'alice-0',
      since: 0,
      early: all.filter((_, index) => index % 2),
    },
  );
  const made = make.mock.calls.length;
  make.mockRestore();
  return { made, posted };
}

test.for([2, 10, 50])('a push to %i recipients is made into a frame once, in two look-ups', async (count) => {
  const { made, posted } = await deliverTo(count, 1);

  expect(posted).toHaveLength(count);
  expect(made).toBe(1);
  expect(new Set(posted).size).toBe(1);
  expect(posted[0]).not.toContain('clientMessageId');
});

test.for([2, 10, 50])('and once more for the sender’s own devices, beside %i recipients', async (count) => {
  const { made, posted } = await deliverTo(count, 4);

  expect(posted).toHaveLength(count + 3);
  expect(made).toBe(2);
  expect(posted.filter((frame) => frame.includes('"clientMessageId":"once"'))).toHaveLength(3);
});

test('where nobody is there no frame is made', async () => {
  expect((await deliverTo(0, 1)).made).toBe(0);
});
