import { expect, test } from 'vitest';
import { tellLosses } from '../../cli/tell.ts';
import type { Client, ClientEvents } from '../../client/client.ts';
import { makeEvents } from '../../client/events.ts';

test('whoever is at the terminal is told that the server began anew, and which messages are lost', async () => {
  const events = makeEvents<ClientEvents>();
  const told: [type: string, text: string][] = [];
  tellLosses({ on: events.on } as Client, { note: ({ type }, text) => told.push([type, String(text)]) });

  await events.emit('reset', { reason: 'epoch_changed' });
  await events.emit('gap', { conversationId: 'c', from: 2, to: 3 });

  expect(told).toEqual([
    ['reset', expect.stringContaining('began anew')],
    ['gap', expect.stringContaining('#2 to #3')],
  ]);
});
