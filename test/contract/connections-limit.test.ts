import { expect } from 'vitest';
import { pushed, sendTo } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser, settle } from './support/contract.ts';
import { WAIT_MS } from './support/inbox.ts';
import { expectReply } from './support/shapes.ts';

const LIVE_CONNECTIONS = 20;

const { test, live, open } = contract('connections limit');

async function answers(client: Client) {
  expectReply(await client.request({ action: 'ping' }), 'pong');
}

async function openMany(user: string, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  for (let index = 0; index < count; index += 1) {
    clients.push(await live(user));
  }
  return clients;
}

test('when the 21st connection of a user opens, the oldest is closed', async () => {
  const user = newUser();
  const other = await live(newUser('other'));
  const clients = await openMany(user, LIVE_CONNECTIONS);
  await Promise.all(clients.map(answers));

  const newest = await live(user);
  const [oldest, ...rest] = clients;
  await oldest?.closing();
  await Promise.all([...rest, newest, other].map(answers));

  const message = await sendTo(other, user);
  await Promise.all([...rest, newest].map((client) => pushed(client, message)));
});

test('the 22nd closes the second oldest', async () => {
  const user = newUser();
  const clients = await openMany(user, LIVE_CONNECTIONS + 2);
  await clients[0]?.closing();
  await clients[1]?.closing();
  await Promise.all(clients.slice(2).map(answers));
});

test('a connection counts from its opening, also before its reconnect', async () => {
  const user = newUser();
  const oldest = await open(user);
  await openMany(user, LIVE_CONNECTIONS);
  await oldest.closing();
});

test('connections that have ended are not counted', async () => {
  const user = newUser();
  const oldest = await live(user);
  for (let index = 0; index <= LIVE_CONNECTIONS; index += 1) {
    const client = await live(user);
    await client.close();
    await settle(100);
  }
  await answers(oldest);
});

test('all 20 connections of a recipient get a message', async () => {
  const user = newUser();
  const sender = await live(newUser('sender'));
  const clients = await openMany(user, LIVE_CONNECTIONS);
  const message = await sendTo(sender, user);
  await Promise.all(clients.map((client) => pushed(client, message)));
});

/** A client's first frame on a connection; gives how it was answered, or that it was closed, with whatever code. */
async function firstFrame(client: Client): Promise<unknown> {
  try {
    return (await client.request({ action: 'reconnect', positions: {}, only: true })).type;
  } catch (error) {
    if (client.isOpen()) return error;
    await client.closing();
    return 'closed';
  }
}

// A gateway cannot close a connection whose handshake is not over yet, so the last may only go with its first frame.
test('of 30 connections that open at once, 20 are left once each has sent its first frame', async () => {
  const user = newUser();
  const clients = await Promise.all(Array.from({ length: LIVE_CONNECTIONS + 10 }, () => open(user)));
  const outcomes = await Promise.all(clients.map(firstFrame));
  expect(outcomes.filter((outcome) => outcome !== 'reconnect.done' && outcome !== 'closed')).toEqual([]);
  const stillOpen = () => clients.filter((client) => client.isOpen());
  await expect.poll(() => stillOpen().length, { timeout: WAIT_MS }).toBeLessThanOrEqual(LIVE_CONNECTIONS);
  await settle();
  const left = stillOpen();
  expect(left).toHaveLength(LIVE_CONNECTIONS);
  const sender = await live(newUser('sender'));
  const message = await sendTo(sender, user);
  await Promise.all(left.map((client) => pushed(client, message)));
});
