import type { Frame } from '#test/contract/support/inbox.ts';
import {
  charge,
  deleteLine,
  each,
  firstMessage,
  forget,
  outlive,
  type Probes,
  postLine,
  pushedTo,
} from './probe.ts';
import { newUser, type ProbeWorld, said } from './probe-world.ts';

export function syncProbes(world: ProbeWorld): Probes {
  const { live, open, startAnew } = world;
  const ask = async (frame: Frame) => said(await (await open(newUser())).request(frame));
  /** Asks about a conversation that the function has not seen. */
  const askAbout = async (frameOf: (conversationId: string) => Frame) => {
    const { sender, conversationId } = await firstMessage(world);
    return said(await sender.request(frameOf(conversationId)));
  };
  const ack = (conversationId: string) => ({ action: 'ack', positions: { [conversationId]: 1 } });
  const history = () => askAbout((conversationId) => ({ action: 'history', conversationId }));
  const page = { exchange: history, granted: 'history.page', denied: 'unavailable' };
  const ok = { granted: 'ok', denied: 'unavailable' };
  const receipt = {
    exchange: async () => {
      const bob = newUser('bob');
      const client = await live(bob);
      const { sender, conversationId } = await firstMessage(world, bob);
      await sender.request(ack(conversationId));
      return await pushedTo(client, 'receipt');
    },
    granted: 'pushed',
    denied: 'not pushed',
  };
  return {
    ...each(
      'sync',
      [
        'dynamodb:BatchGetItem on TablesConversations',
        'dynamodb:GetItem on TablesMailboxes',
        'dynamodb:Query on TablesMessages',
      ],
      page,
    ),
    ...each('sync', ['dynamodb:GetItem on TablesDataKeys', 'kms:Decrypt on ContentKey'], {
      ...page,
      exchange: () => startAnew('sync').then(history),
    }),
    ...each(
      'sync',
      ['dynamodb:BatchGetItem on TablesMailboxes', 'dynamodb:Query on TablesMailboxes/index/byActivity'],
      { exchange: () => askAbout(laterPage), granted: 'conversations.page', denied: 'unavailable' },
    ),
    'sync may dynamodb:Query on TablesMailboxes': {
      exchange: () => ask({ action: 'conversations' }),
      granted: 'conversations.page',
      denied: 'unavailable',
    },
    'sync may dynamodb:UpdateItem on TablesMailboxes': { exchange: () => askAbout(ack), ...ok },
    'sync may dynamodb:GetItem on TablesMessages': { exchange: () => readForgotten(world), ...ok },
    'sync may dynamodb:PutItem on TablesRelationships': {
      exchange: () => ask({ action: 'block', userId: newUser() }),
      ...ok,
    },
    'sync may dynamodb:DeleteItem on TablesRelationships': {
      exchange: () => ask({ action: 'unblock', userId: newUser() }),
      ...ok,
    },
    'sync may dynamodb:Query on TablesConnections': receipt,
    [postLine('sync')]: receipt,
    [deleteLine('sync')]: {
      exchange: () => outlive(world, { action: 'ping' }),
      granted: 'unauthenticated, closed',
      denied: 'unauthenticated, unavailable',
    },
    'sync may dynamodb:DeleteItem on TablesConnections': {
      exchange: async () => {
        const { sender, recipientId, conversationId } = await firstMessage(world);
        return await forget(world, recipientId, () => sender.request(ack(conversationId)));
      },
      granted: 'removed',
      denied: 'left',
    },
    'sync may dynamodb:UpdateItem on TablesRateLimits': {
      exchange: async () => {
        const user = newUser();
        const client = await open(user);
        const request = () => client.request({ action: 'conversations' });
        return await charge(world, `user#requests#${user}`, request);
      },
      granted: 'charged',
      denied: 'not charged',
    },
  };
}

/** What follows a conversation of the future: only the index tells. */
function laterPage(): Frame {
  const cursor = Buffer.from(`${Date.now() + 3_600_000} ${'A'.repeat(43)}`).toString('base64url');
  return { action: 'conversations', cursor };
}

/** Reads up to a message before those that its sender's mailbox remembers: as after 64 later ones. */
async function readForgotten(world: ProbeWorld): Promise<string> {
  const { sender, senderId: userId, recipientId, conversationId } = await firstMessage(world);
  await sender.request({ action: 'send', recipientId, content: 'the second' });
  const mailbox = await world.table.get('TablesMailboxes', { userId, conversationId });
  const remembered = (mailbox?.recentSends ?? new Uint8Array(0)) as Uint8Array;
  const recentSends = remembered.slice(-rememberedBytes);
  await world.table.put('TablesMailboxes', { ...mailbox, recentSends });
  return said(await sender.request({ action: 'read', conversationId, seq: 1 }));
}

/** Of one send in a mailbox: `shared/log/recent-sends.ts`. */
const rememberedBytes = 10;
