import { EventBridgeClient, PutEventsCommand, type PutEventsResponse } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { makeNotifications } from '#shared/delivery/notifications.eventbridge.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';

const eventBridge = mockClient(EventBridgeClient);
beforeEach(() => {
  eventBridge.reset();
});

const notification = {
  recipientId: 'bob',
  conversationId: 'c'.repeat(43),
  seq: 7,
  messageId: '019541e0-0000-7000-8000-000000000001',
  unread: 3,
};

const publish = (one = notification) =>
  makeNotifications({
    events: new EventBridgeClient({ region: 'us-east-1' }),
    eventBusName: 'postrider-bus',
  }).publish(one);

const answering = (answer: PutEventsResponse) => eventBridge.on(PutEventsCommand).resolves(answer);

test('one event names the message that waits', async () => {
  answering({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }] });

  await publish();

  const [call, ...others] = eventBridge.commandCalls(PutEventsCommand);
  expect(others).toStrictEqual([]);
  expect(call?.args[0].input).toStrictEqual({
    Entries: [
      {
        EventBusName: 'postrider-bus',
        Source: 'postrider',
        DetailType: 'Message Waiting',
        Detail: JSON.stringify(notification),
      },
    ],
  });
});

test('whatever else is handed over stays out of the event', async () => {
  answering({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }] });

  const withMore = { ...notification, content: 'a secret', ciphertext: new Uint8Array(3) };
  await publish(withMore);

  const [call] = eventBridge.commandCalls(PutEventsCommand);
  const [entry] = call?.args[0].input.Entries ?? [];
  expect(JSON.parse(entry?.Detail ?? '')).toStrictEqual(notification);
});

test('an entry that was refused is a failure, although the request was answered', async () => {
  answering({
    FailedEntryCount: 1,
    Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'too many' }],
  });

  const publishing = publish();

  await expect(publishing).rejects.toBeInstanceOf(DependencyFailure);
  await expect(publishing).rejects.toThrow('ThrottlingException');
});

test('a request that failed is thrown', async () => {
  eventBridge.on(PutEventsCommand).rejects(Object.assign(new Error('no'), { name: 'InternalException' }));

  await expect(publish()).rejects.toMatchObject({ name: 'InternalException' });
});
