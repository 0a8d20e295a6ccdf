import { each, firstMessage, forget, type Probes, postLine } from './probe.ts';
import { newUser, type ProbeWorld } from './probe-world.ts';

/** The queue's function, called by us with a reference as the queue would call it ten seconds later. */
export function deliverProbes(world: ProbeWorld): Probes {
  const { live, startAnew } = world;
  const deliver = async ({ recipientId, conversationId, messageId }: Reference): Promise<string> => {
    const body = JSON.stringify({ recipientId, conversationId, seq: 1, messageId });
    const result = await world.invoke('deliver', {
      Records: [{ messageId: 'probe', body }],
    });
    return (result as { batchItemFailures: unknown[] }).batchItemFailures.length === 0 ? 'done' : 'failed';
  };
  /** Publishes a notification: nobody is connected. */
  const notify = async () => deliver(await firstMessage(world));
  /** Opens the message and pushes it once more, after the push of its send. */
  const push = async () => {
    const bob = newUser('bob');
    const client = await live(bob);
    const outcome = await deliver(await firstMessage(world, bob));
    await client.request({ action: 'ping' });
    return `${outcome}, ${client.pushes('message.new').length} pushes`;
  };
  const done = { granted: 'done', denied: 'failed' };
  return {
    ...each(
      'deliver',
      [
        'dynamodb:BatchGetItem on TablesConversations',
        'dynamodb:GetItem on TablesMailboxes',
        'dynamodb:GetItem on TablesMessages',
        'dynamodb:Query on TablesConnections',
        'events:PutEvents on Notifications',
      ],
      { exchange: notify, ...done },
    ),
    ...each('deliver', ['dynamodb:GetItem on TablesDataKeys', 'kms:Decrypt on ContentKey'], {
      exchange: () => startAnew('deliver').then(push),
      granted: 'done, 2 pushes',
      denied: 'failed, 1 pushes',
    }),
    [postLine('deliver')]: { exchange: push, granted: 'done, 2 pushes', denied: 'done, 1 pushes' },
    // What was pushed is looked at once more.
    'deliver may sqs:SendMessage on LaterDeliveryQueue': {
      exchange: push,
      granted: 'done, 2 pushes',
      denied: 'failed, 2 pushes',
    },
    'deliver may dynamodb:DeleteItem on TablesConnections': {
      exchange: async () => {
        const reference = await firstMessage(world);
        return await forget(world, reference.recipientId, () => deliver(reference));
      },
      granted: 'removed',
      denied: 'left',
    },
  };
}

type Reference = Pick<
  Awaited<ReturnType<typeof firstMessage>>,
  'recipientId' | 'conversationId' | 'messageId'
>;
