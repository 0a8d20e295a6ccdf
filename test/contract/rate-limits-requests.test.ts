import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { contract, newUser } from './support/contract.ts';
import type { Frame } from './support/inbox.ts';
import { asRefusal } from './support/shapes.ts';
import { UNTHROTTLED } from './support/target.ts';

/** Large enough for one request of any weight, small enough to be used up at once. */
const BURST = 300;
const REFILL_PER_SECOND = 5;

const { test, live } = contract('rate limits of requests', {
  limits: { ...UNTHROTTLED, requestsPerUser: { burst: BURST, refillPerSecond: REFILL_PER_SECOND } },
  ownStackOnly: true,
});

for (const request of [
  { action: 'history', limit: 100 },
  { action: 'conversations' },
  { action: 'reconnect', positions: {}, only: true },
  { action: 'ack' },
  { action: 'ping' },
] as readonly Frame[]) {
  test(`${String(request.action)} is limited per user, and passes after retryAfterMs`, async () => {
    const client = await live(newUser());
    const sent = await client.request({ action: 'send', recipientId: newUser('peer'), content: 'x' });
    const { conversationId } = sent.message as { conversationId: string };
    const target = { history: { conversationId }, ack: { positions: { [conversationId]: 1 } } };
    const full = { ...request, ...target[request.action as 'history' | 'ack'] };

    let reply: Frame = {};
    for (let count = 0; count < 10 * BURST && reply.code !== 'rate_limited'; count += 20) {
      const replies = await Promise.all(Array.from({ length: 20 }, () => client.requestOnce(full)));
      reply = replies.find(({ code }) => code === 'rate_limited') ?? {};
    }
    for (let waits = 0; waits < 2 && reply.code === 'rate_limited'; waits += 1) {
      const { retryAfterMs = 0 } = asRefusal(reply, 'rate_limited');
      expect(retryAfterMs).toBeGreaterThan(0);
      await sleep(retryAfterMs);
      reply = await client.requestOnce(full);
      expect(waits === 1 && reply.code).not.toBe('rate_limited');
    }
    expect(reply.type).toMatch(/^(history\.page|conversations\.page|reconnect\.done|ok|pong)$/);
  });
}

test('malformed frames are charged to their user, whichever function they come to', async () => {
  const client = await live(newUser());

  for (const frame of [{ action: 'none such' }, { action: 'history' }, { action: 'send' }]) {
    let reply: Frame = {};
    for (let count = 0; count < 10 * BURST && reply.code !== 'rate_limited'; count += 20) {
      const replies = await Promise.all(Array.from({ length: 20 }, () => client.requestOnce(frame)));
      reply = replies.find(({ code }) => code === 'rate_limited') ?? {};
    }
    asRefusal(reply, 'rate_limited');
  }
});
