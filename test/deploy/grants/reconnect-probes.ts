import { charge, deleteLine, each, firstMessage, nextOf, type Probes, postLine, pushedTo } from './probe.ts';
import { newUser, type ProbeWorld, said } from './probe-world.ts';

export function reconnectProbes(world: ProbeWorld): Probes {
  const { connectionsOf, open, startAnew, table } = world;
  /** Drains a message of a conversation that the function has not seen. */
  const drain = async () => {
    const { recipientId } = await firstMessage(world);
    return said(await (await open(recipientId)).request({ action: 'reconnect' }));
  };
  const drained = { granted: 'reconnect.done', denied: 'unavailable' };
  return {
    ...each(
      'reconnect',
      [
        'dynamodb:BatchGetItem on TablesConversations',
        'dynamodb:Query on TablesMailboxes',
        'dynamodb:Query on TablesMessages',
        'dynamodb:UpdateItem on TablesConnections',
      ],
      { exchange: drain, ...drained },
    ),
    ...each('reconnect', ['dynamodb:GetItem on TablesDataKeys', 'kms:Decrypt on ContentKey'], {
      exchange: () => startAnew('reconnect').then(drain),
      ...drained,
    }),
    [postLine('reconnect')]: {
      // Called by us, because an answer that cannot be posted is none.
      exchange: async () => {
        const userId = newUser();
        const client = await open(userId);
        await world.invoke('reconnect', await eventOf(world, userId));
        return await pushedTo(client, 'reconnect.done');
      },
      granted: 'pushed',
      denied: 'not pushed',
    },
    [deleteLine('reconnect')]: {
      // One of too many: its row was removed while it was still opening.
      exchange: async () => {
        const userId = newUser();
        const client = await open(userId);
        const [connectionId] = await connectionsOf(userId);
        await table.remove('TablesConnections', { userId, connectionId });
        client.sendText('{"action":"reconnect"}');
        return await nextOf(client, 0);
      },
      granted: 'closed',
      denied: 'unavailable',
    },
    'reconnect may dynamodb:UpdateItem on TablesRateLimits': {
      exchange: async () => {
        const user = newUser();
        const client = await open(user);
        const request = () => client.request({ action: 'reconnect' });
        return await charge(world, `user#requests#${user}`, request);
      },
      granted: 'charged',
      denied: 'not charged',
    },
  };
}

/** What API Gateway would hand the function for a frame of the user's one connection. */
async function eventOf({ connectionsOf, epoch }: ProbeWorld, userId: string) {
  const [connectionId] = await connectionsOf(userId);
  const tokenExpiresAt = String(Math.ceil(Date.now() / 1000) + 600);
  const authorizer = { userId, tokenExpiresAt, epoch };
  const identity = { sourceIp: '127.0.0.1' };
  return { body: '{"action":"reconnect"}', requestContext: { connectionId, identity, authorizer } };
}
