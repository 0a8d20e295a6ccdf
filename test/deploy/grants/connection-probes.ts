import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '#test/contract/support/client.ts';
import { charge, deleteLine, each, outlive, type Probes, postLine } from './probe.ts';
import { newUser, type ProbeWorld } from './probe-world.ts';

export function connectionProbes(world: ProbeWorld): Probes {
  const { tryToOpen, open, addGoneConnection, connectionsOf } = world;
  const handshake = async () => ((await tryToOpen(newUser())) === 'refused' ? 'refused' : 'opened');
  /** Leaves room for no more connection; those beyond the newest 20 are let go of. */
  const fill = (user: string) => Promise.all(Array.from({ length: 20 }, () => addGoneConnection(user)));
  return {
    ...each('connect', ['dynamodb:PutItem on TablesConnections', 'dynamodb:Query on TablesConnections'], {
      exchange: handshake,
      granted: 'opened',
      denied: 'refused',
    }),
    'connect may dynamodb:DeleteItem on TablesConnections': {
      exchange: async () => {
        const user = newUser();
        await fill(user);
        return (await tryToOpen(user)) === 'refused' ? 'refused' : 'opened';
      },
      granted: 'opened',
      denied: 'refused',
    },
    'connect may dynamodb:UpdateItem on TablesRateLimits': {
      exchange: () => charge(world, 'ip#connections#127.0.0.1', handshake),
      granted: 'charged',
      denied: 'not charged',
    },
    [deleteLine('connect')]: {
      exchange: async () => {
        const user = newUser();
        const oldest = await open(user);
        await fill(user);
        await open(user);
        return await isClosedSoon(oldest);
      },
      granted: 'closed',
      denied: 'left open',
    },
    'disconnect may dynamodb:DeleteItem on TablesConnections': {
      // Called by us, because nobody hears what became of it: the client has left.
      exchange: async () => {
        const userId = newUser();
        const { connectionId } = await addGoneConnection(userId);
        const identity = { sourceIp: '127.0.0.1' };
        const authorizer = { userId, tokenExpiresAt: '0', epoch: world.epoch };
        const requestContext = { connectionId, connectedAt: 0, identity, authorizer };
        await world.invoke('disconnect', { requestContext });
        return (await connectionsOf(userId)).length === 0 ? 'removed' : 'left';
      },
      granted: 'removed',
      denied: 'left',
    },
    'fallback may dynamodb:UpdateItem on TablesRateLimits': {
      exchange: async () => {
        const user = newUser();
        const client = await open(user);
        return await charge(world, `user#requests#${user}`, () =>
          client.request({ action: 'no such action' }),
        );
      },
      granted: 'charged',
      denied: 'not charged',
    },
    [postLine('fallback')]: {
      exchange: () => outlive(world, { action: 'no such action' }),
      granted: 'unauthenticated, closed',
      denied: 'unavailable, closed',
    },
    [deleteLine('fallback')]: {
      exchange: () => outlive(world, { action: 'no such action' }),
      granted: 'unauthenticated, closed',
      denied: 'unauthenticated, unavailable',
    },
  };
}

/** A frame or two may pass on a connection that is being closed. */
async function isClosedSoon(client: Client): Promise<string> {
  for (let pings = 0; pings < 5; pings += 1) {
    if (!client.isOpen()) return 'closed';
    await client.request({ action: 'ping' }).catch(() => {});
    await sleep(200);
  }
  return client.isOpen() ? 'left open' : 'closed';
}
