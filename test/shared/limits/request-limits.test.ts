import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DocumentClient } from '#shared/aws/document-client.ts';
import type { RateLimitCharge, RateLimiter } from '#shared/limits/rate-limiter.ts';
import { directConversationId } from '#shared/log/conversation.ts';
import type { Session } from '#test/support/world.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const conversationId = directConversationId('alice', 'bob');

/** An environment whose limits refuse everything, and what was to be charged. */
function makeRefusing() {
  const charged: RateLimitCharge[] = [];
  const limiter: RateLimiter = {
    take: async (charges) => {
      charged.push(...charges);
      return { allowed: false, retryAfterMs: 7 };
    },
    lastKnown: () => ({ allowed: true }),
    hold: async () => ({ allowed: true, release: async () => {} }),
  };
  return { environment: world.environment({ limiter }), charged };
}

/** One that has been refused before: its limiter knows it. And its calls to the database, none of which succeeds. */
function makeKnowing() {
  const calls: unknown[] = [];
  const dynamodb = {
    send: async (command: unknown) => {
      calls.push(command);
      throw new Error('no database');
    },
  } as unknown as DocumentClient;
  const known = { allowed: false, retryAfterMs: 7 } as const;
  const limiter: RateLimiter = { take: async () => known, hold: async () => known, lastKnown: () => known };
  return { environment: world.environment({ dynamodb, limiter }), calls };
}

type Environment = ReturnType<World['environment']>;
type Request = (environment: Environment, session: Session) => Promise<unknown>;

const request = (cost: number) => [{ limit: 'requestsPerUser', of: 'alice', cost }];

test.for<[string, Request, object[]]>([
  [
    'send',
    (all, session) => all.send({ action: 'send', recipientId: 'bob', content: 'x' }, session),
    [
      { limit: 'messagesPerUser', of: 'alice' },
      { limit: 'messagesPerAddress', of: '192.0.2.1' },
    ],
  ],
  ['reconnect', (all, session) => all.reconnect({ action: 'reconnect' }, session, 'r'), request(5)],
  [
    'ack',
    (all, session) => all.acknowledge({ action: 'ack', positions: new Map([[conversationId, 1]]) }, session),
    request(1),
  ],
  [
    'ack of ten',
    (all, session) =>
      all.acknowledge(
        {
          action: 'ack',
          positions: new Map(Array.from({ length: 10 }, (_, index) => [`${index}`.padStart(43, 'x'), 1])),
        },
        session,
      ),
    request(3),
  ],
  ['read', (all, session) => all.markRead({ action: 'read', conversationId, seq: 1 }, session), request(1)],
  ['history', (all, session) => all.history({ action: 'history', conversationId }, session, 'r'), request(3)],
  [
    'history of one',
    (all, session) => all.history({ action: 'history', conversationId, limit: 1 }, session, 'r'),
    request(1),
  ],
  [
    'conversations',
    (all, session) => all.conversations({ action: 'conversations' }, session, 'r'),
    request(3),
  ],
  ['block', (all, session) => all.block({ action: 'block', userId: 'bob' }, session), request(1)],
  ['unblock', (all, session) => all.unblock({ action: 'unblock', userId: 'bob' }, session), request(1)],
  ['ping', (all, session) => all.ping({ action: 'ping' }, session), request(1)],
  // What is wrong with these is found after the charge, not before it.
  [
    'send to oneself',
    (all, session) => all.send({ action: 'send', recipientId: 'alice', content: 'x' }, session),
    [
      { limit: 'messagesPerUser', of: 'alice' },
      { limit: 'messagesPerAddress', of: '192.0.2.1' },
    ],
  ],
  [
    'block of oneself',
    (all, session) => all.block({ action: 'block', userId: 'alice' }, session),
    request(1),
  ],
  [
    'read of what is no conversation',
    (all, session) => all.markRead({ action: 'read', conversationId: 'none', seq: 1 }, session),
    request(1),
  ],
  [
    'history of what is no conversation',
    (all, session) =>
      all.history({ action: 'history', conversationId: 'none', limit: 1 }, session, undefined),
    request(1),
  ],
  [
    'a cursor that is none of ours',
    (all, session) =>
      all.conversations({ action: 'conversations', cursor: 'x', limit: 1 }, session, undefined),
    request(1),
  ],
])(
  'over its limit, %s is refused, and nothing changes; once that is known, without any call',
  async ([, send, charges]) => {
    const [alice, bob] = [await world.join('alice'), await world.join('bob')];
    await world.environment().send({ action: 'send', recipientId: 'alice', content: 'x' }, bob);
    const before = await rows();
    const { environment, charged } = makeRefusing();

    await expect(send(environment, alice)).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 7 });

    const knowing = makeKnowing();
    await expect(send(knowing.environment, alice)).rejects.toMatchObject({ code: 'rate_limited' });
    expect(knowing.calls).toStrictEqual([]);

    expect(charged).toStrictEqual(charges);
    expect(await rows()).toStrictEqual(before);
    expect(world.gateway.frames.get(alice.connectionId) ?? []).not.toContainEqual(
      expect.objectContaining({ type: expect.stringMatching(/^reconnect/) }),
    );
  },
);

/** Everything that the requests could have written. */
async function rows() {
  const { log, mailboxes } = world.environment();
  return {
    mailbox: await mailboxes.get('alice', conversationId),
    messages: await log.messages(conversationId, 1, 99),
    state: await log.readSendState({ conversationId, senderId: 'alice', recipientId: 'bob' }),
  };
}
