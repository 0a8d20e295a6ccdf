import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, expect, test } from 'vitest';
import { attempt, type Client } from '#test/contract/support/client.ts';

const url = process.env.POSTRIDER_URL ?? '';
const tokenUrl = process.env.POSTRIDER_TOKEN_URL ?? '';
const outputs = JSON.parse(process.env.POSTRIDER_OUTPUTS ?? '{}') as Record<string, string>;
const clients: Client[] = [];
/** By the clock: in one run, twenty long polls of 5 s each came back empty within 4 s. */
const patienceMs = 60_000;

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

const newUser = (name: string) => `${name}-${randomUUID()}`;

async function live(user: string): Promise<Client> {
  const token = await (await fetch(`${tokenUrl}?user=${user}`)).text();
  const handshake = await attempt(url, { headers: { Authorization: `Bearer ${token.trim()}` } });
  if (!handshake.opened) throw new Error(`The handshake was refused with ${handshake.status}.`);
  clients.push(handshake.client);
  const done = await handshake.client.request({ action: 'reconnect', positions: {}, only: true });
  expect(done.type).toBe('reconnect.done');
  return handshake.client;
}

test('a message goes from one user to another', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const [from, to] = [await live(alice), await live(bob)];
  const sent = await from.request({ action: 'send', recipientId: bob, content: 'hello' });
  expect(sent).toMatchObject({ type: 'message.sent', message: { content: 'hello', seq: 1 } });
  const pushed = await to.waitFor((frame) => frame.type === 'message.new', 'the push');
  expect(pushed).toMatchObject({ message: { content: 'hello' } });
});

test('a message to somebody who is away becomes a notification on the bus of the outputs', async () => {
  const bob = newUser('bob');
  const queue = await queueOfNotifications(outputs.NotificationBus ?? '');
  const from = await live(newUser('alice'));
  const sent = await from.request({ action: 'send', recipientId: bob, content: 'are you there?' });
  expect(sent.type).toBe('message.sent');
  const received = await untilReceived(queue, (text) => text.includes(bob));
  expect(JSON.parse(received)).toMatchObject({ source: 'postrider', detail: { recipientId: bob, seq: 1 } });
  expect(received).not.toContain('are you there?');
});

async function queueOfNotifications(bus: string): Promise<string> {
  const name = `notifications-${randomUUID()}`;
  const sqs = new SQSClient({});
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { Policy: JSON.stringify(fromEventBridge) } }),
  );
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const events = new EventBridgeClient({});
  const rule = { Name: name, EventBusName: bus };
  await events.send(new PutRuleCommand({ ...rule, EventPattern: '{"source":["postrider"]}' }));
  await events.send(
    new PutTargetsCommand({
      Rule: name,
      EventBusName: bus,
      Targets: [{ Id: 'queue', Arn: Attributes?.QueueArn }],
    }),
  );
  return QueueUrl ?? '';
}

const fromEventBridge = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: '*',
    },
  ],
};

async function untilReceived(QueueUrl: string, isIt: (text: string) => boolean): Promise<string> {
  const sqs = new SQSClient({});
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    const found = Messages.map(({ Body = '' }) => Body).find(isIt);
    if (found !== undefined) return found;
    await sleep(500);
  }
  throw new Error('No notification came.');
}
