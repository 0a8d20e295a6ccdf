import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Events, startEvents } from '#localstack/emulators/events/events.ts';

const entry: PutEventsRequestEntry = {
  Source: 'postrider',
  DetailType: 'MessageWaiting',
  Detail: '{"recipientId":"bob","seq":7}',
};

let events: Events;
let client: EventBridgeClient;
let received: [string, unknown][];

beforeEach(async () => {
  received = [];
  events = await startEvents({
    onEvent(detailType, detail) {
      if (detailType === 'Explode') throw new Error('subscriber failed');
      received.push([detailType, detail]);
    },
  });
  client = new EventBridgeClient({
    endpoint: events.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  client.destroy();
  await events.stop();
});

function put(...Entries: PutEventsRequestEntry[]) {
  return client.send(new PutEventsCommand({ Entries }));
}

it('hands each event on and answers with its id', async () => {
  const result = await put(entry, { ...entry, EventBusName: 'default', Detail: '{}' });
  expect(received).toEqual([
    ['MessageWaiting', { recipientId: 'bob', seq: 7 }],
    ['MessageWaiting', {}],
  ]);
  expect(result.FailedEntryCount).toBe(0);
  const ids = result.Entries?.map(({ EventId }) => EventId);
  expect(new Set(ids).size).toBe(2);
});

it.each<[string, PutEventsRequestEntry, string]>([
  ['no source', { ...entry, Source: undefined }, 'InvalidArgument'],
  ['no detail type', { ...entry, DetailType: undefined }, 'InvalidArgument'],
  ['no detail', { ...entry, Detail: undefined }, 'InvalidArgument'],
  ['a detail that is not JSON', { ...entry, Detail: 'hello' }, 'MalformedDetail'],
  ['a detail that is not an object', { ...entry, Detail: '[1]' }, 'MalformedDetail'],
  ['an unknown bus', { ...entry, EventBusName: 'other' }, 'ResourceNotFoundException'],
  ['a subscriber that throws', { ...entry, DetailType: 'Explode' }, 'InternalFailure'],
])('fails one entry alone: %s', async (_, bad, code) => {
  const result = await put(bad, entry);
  expect(result.FailedEntryCount).toBe(1);
  expect(result.Entries?.[0]).toMatchObject({ ErrorCode: code });
  expect(result.Entries?.[0]?.EventId).toBeUndefined();
  expect(result.Entries?.[1]?.EventId).toBeDefined();
  expect(received).toHaveLength(1);
});

it.each([0, 11])('refuses a request of %d entries', async (count) => {
  await expect(put(...Array.from({ length: count }, () => entry))).rejects.toMatchObject({
    name: 'ValidationException',
  });
  expect(received).toEqual([]);
});
