import type { Frame } from '#test/contract/support/inbox.ts';
import { deleteLine, each, forget, outlive, type Probes, postLine, pushedTo } from './probe.ts';
import { newUser, type ProbeWorld, said } from './probe-world.ts';

export function sendProbes(world: ProbeWorld): Probes {
  const { live, open, table, startAnew } = world;
  const sendTo = async (recipientId: string, fields: Frame = {}) =>
    said(await (await open(newUser())).request({ action: 'send', recipientId, content: 'hello', ...fields }));
  const send = () => sendTo(newUser());
  const sent = { granted: 'message.sent', denied: 'unavailable' };
  const pushed = {
    exchange: async () => {
      const bob = newUser();
      const client = await live(bob);
      await sendTo(bob);
      return await pushedTo(client, 'message.new');
    },
    granted: 'pushed',
    denied: 'not pushed',
  };
  return {
    ...each(
      'send',
      [
        'dynamodb:BatchGetItem on TablesConversations',
        'dynamodb:BatchGetItem on TablesMailboxes',
        'dynamodb:BatchGetItem on TablesRelationships',
        'dynamodb:PutItem on TablesMessages',
        'dynamodb:UpdateItem on TablesConversations',
        'dynamodb:UpdateItem on TablesMailboxes',
        'dynamodb:UpdateItem on TablesRateLimits',
      ],
      { exchange: send, ...sent },
    ),
    ...each('send', ['dynamodb:GetItem on TablesDataKeys', 'kms:Decrypt on ContentKey'], {
      exchange: () => startAnew('send').then(send),
      ...sent,
    }),
    ...each('send', ['dynamodb:PutItem on TablesDataKeys', 'kms:GenerateDataKey on ContentKey'], {
      // As at the first send of all: there is no data key.
      exchange: async () => {
        await table.remove('TablesDataKeys', { keyId: 'current' });
        await startAnew('send');
        return await send();
      },
      ...sent,
    }),
    'send may dynamodb:BatchGetItem on TablesMessages': {
      exchange: async () => {
        const client = await open(newUser());
        const again = { action: 'send', recipientId: newUser(), content: 'hello', clientMessageId: 'one' };
        await client.request(again);
        return said(await client.request(again));
      },
      ...sent,
    },
    'send may dynamodb:Query on TablesConnections': pushed,
    'send may dynamodb:Query on TablesMessages': {
      // As after a restore, in which the sender's mailbox is of another moment than the rest.
      exchange: async () => {
        const [alice, recipientId] = [newUser(), newUser()];
        const client = await open(alice);
        const request = { action: 'send', recipientId, content: 'hello' };
        const { message } = await client.request(request);
        const { conversationId } = message as { conversationId: string };
        const rows = [
          ['TablesConversations', { conversationId }, 'lastMessageAt'],
          ['TablesMessages', { conversationId, seq: 1 }, 'sentAt'],
          ['TablesMailboxes', { userId: recipientId, conversationId }, 'lastMessageAt'],
        ] as const;
        for (const [name, key, time] of rows)
          await table.put(name, { ...(await table.get(name, key)), [time]: 1 });
        await table.remove('TablesMailboxes', { userId: alice, conversationId });
        return said(await client.request(request));
      },
      ...sent,
    },
    [postLine('send')]: pushed,
    [deleteLine('send')]: {
      exchange: () => outlive(world, { action: 'send' }),
      granted: 'unauthenticated, closed',
      denied: 'unauthenticated, unavailable',
    },
    'send may dynamodb:DeleteItem on TablesConnections': {
      exchange: () => {
        const bob = newUser();
        return forget(world, bob, () => sendTo(bob));
      },
      granted: 'removed',
      denied: 'left',
    },
    'send may sqs:SendMessage on LaterDeliveryQueue': {
      // A witness that cannot be left is counted and logged: the message is committed all the same.
      exchange: async () => {
        await world.emptyQueue();
        const answer = await send();
        return `${answer}, ${await world.queued()} queued`;
      },
      granted: 'message.sent, 1 queued',
      denied: 'message.sent, 0 queued',
    },
  };
}
