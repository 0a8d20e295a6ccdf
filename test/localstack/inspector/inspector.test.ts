import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Flow } from '#localstack/inspector/flow.ts';
import { type Stack, startStack } from '#localstack/stack.ts';
import { drainAll, sendTo, wholeHistory } from '#test/contract/support/calls.ts';
import { attempt } from '#test/contract/support/client.ts';
import { asSubprotocol } from '#test/contract/support/contract.ts';
import { type Watch, watchFlows } from './watch.ts';

const secret = 'a word that nobody else may read';

let stack: Stack;
let watch: Watch;
const tokens: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  watch = await watchFlows(stack.httpUrl);
}, 240_000);

afterAll(async () => {
  watch?.stop();
  await stack?.stop();
});

async function connect(user: string) {
  const token = await stack.token(user);
  tokens.push(token);
  const handshake = await attempt(stack.url, asSubprotocol(token));
  if (!handshake.opened) throw new Error(`the handshake was refused with ${handshake.status}`);
  await drainAll(handshake.client);
  return handshake.client;
}

async function pair() {
  const [from, to] = [`alice-${randomUUID()}`, `bob-${randomUUID()}`];
  return { from, to, alice: await connect(from), bob: await connect(to) };
}

/** The calls of each round trip, sorted; those to the cache, which have none, are left out. */
function roundTrips({ steps }: Flow): string[][] {
  const trips: string[][] = [];
  for (const { roundTrip, service, operation, about } of steps) {
    if (roundTrip === undefined) continue;
    const trip = trips[roundTrip - 1] ?? [];
    trips[roundTrip - 1] = trip;
    trip.push(`${service} ${operation} ${about}`.trim());
  }
  return trips.map((trip) => trip.sort());
}

const units = ({ steps }: Flow, kind: 'readUnits' | 'writeUnits') =>
  steps.reduce((sum, step) => sum + (step[kind] ?? 0), 0);

test('a send is told in its three round trips, with what each call cost', async () => {
  const { from, to, alice } = await pair();
  await sendTo(alice, to, secret);
  // Now the environment is warm, the data key known, and the budgets are in use.
  await sendTo(alice, to, secret);
  const { messageId } = await sendTo(alice, to, secret);
  const flow = await watch.flow(
    ({ routeKey, messageIds }) => routeKey === 'send' && messageIds.includes(messageId),
  );

  expect(roundTrips(flow)).toStrictEqual([
    [
      'dynamodb BatchGetItem conversations, mailboxes, relationships',
      'dynamodb UpdateItem rateLimits',
      'dynamodb UpdateItem rateLimits',
    ],
    [
      'dynamodb Query connections',
      'dynamodb Query connections',
      'dynamodb TransactWriteItems conversations, messages, mailboxes',
      'sqs SendMessage',
    ],
    [
      `connections PostToConnection message.new to ${to}`,
      'dynamodb Query connections',
      'dynamodb Query connections',
    ],
  ]);
  expect(flow).toMatchObject({ userId: from, outcome: 'returned', answer: 'message.sent', coldStart: false });
  expect([units(flow, 'readUnits'), units(flow, 'writeUnits')]).toStrictEqual([7, 10]);
  // 10 writes, 7 reads, a queue request, three frames and an invocation, by the prices of infra/cost/.
  const cache = flow.steps.filter(({ service }) => service === 'cache').length * 0.0023;
  expect(flow.dollarsPerMillion).toBeCloseTo(10 * 0.625 + 7 * 0.125 + 0.4 + 3 * 1 + 0.2 + cache, 6);
  for (const { fromMs, tookMs } of flow.steps) {
    expect(tookMs).toBeGreaterThan(0);
    expect(fromMs + (tookMs ?? 0)).toBeLessThanOrEqual(flow.tookMs ?? 0);
  }
});

test('the later look at a message is told with its id', async () => {
  const { to, alice, bob } = await pair();
  const { messageId, conversationId, seq } = await sendTo(alice, to, secret);
  await bob.request({ action: 'ack', positions: { [conversationId]: seq } });
  const flow = await watch.flow(
    ({ functionName, messageIds }) => functionName === 'deliver' && messageIds.includes(messageId),
  );
  expect(roundTrips(flow)[0]).toContain('dynamodb GetItem mailboxes');
  expect(flow.routeKey).toBeUndefined();
}, 60_000);

test('which tier answered is told: the database, then memory, and the cache where there is one', async () => {
  const { to, alice, bob } = await pair();
  await sendTo(alice, to, secret);
  const { conversationId } = await sendTo(alice, to, secret);
  const read = async (): Promise<Flow['tiers']> => {
    const known = new Set(watch.flows.keys());
    await wholeHistory(bob, conversationId);
    return (await watch.flow(({ id, routeKey }) => routeKey === 'history' && !known.has(id))).tiers;
  };
  await stack.functions.sync?.kill();
  const cold = await read();
  // Without a connection to the cache yet, a new environment goes past it.
  const past = { told: 2, fromCache: 0, fromDatabase: 2 };
  const cached = { told: 2, fromCache: 2, fromDatabase: 0 };
  expect([past, cached]).toContainEqual(cold);
  expect(await read()).toStrictEqual({ told: 2, fromCache: 0, fromDatabase: 0 });
});

test('neither content nor a token is told', async () => {
  const { alice, bob, to } = await pair();
  const { conversationId, messageId } = await sendTo(alice, to, secret);
  await wholeHistory(bob, conversationId);
  await watch.flow(({ messageIds }) => messageIds.includes(messageId));

  expect(watch.text().length).toBeGreaterThan(1_000);
  for (const hidden of [secret, Buffer.from(secret).toString('base64'), ...tokens])
    expect(watch.text()).not.toContain(hidden);
});

test('only GET /inspect is it', async () => {
  expect((await fetch(`${stack.httpUrl}/inspect`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${stack.httpUrl}/inspect/more`)).status).toBe(404);
});
