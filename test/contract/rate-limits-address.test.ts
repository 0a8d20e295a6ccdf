import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { sendTo } from './support/calls.ts';
import { asHeader, asSubprotocol, contract, newUser } from './support/contract.ts';
import { asRefusal } from './support/shapes.ts';
import { UNTHROTTLED } from './support/target.ts';

const BURST = 10;
const LIMIT = { burst: BURST, refillPerSecond: 0.5 };

const { test, target, handshake, live } = contract('rate limits of addresses', {
  limits: { ...UNTHROTTLED, messagesPerAddress: LIMIT, connectionsPerAddress: LIMIT },
  ownStackOnly: true,
});

test('too many connection attempts from an address get 429 with Retry-After, which is right', async () => {
  const token = await target().token(newUser());
  const tries = await Promise.all(Array.from({ length: 3 * BURST }, () => handshake(asHeader(token))));
  const refused = tries.filter((result) => !result.opened);
  expect(tries.length - refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));

  let last = await handshake(asHeader(token));
  for (let waits = 0; waits < 2 && !last.opened; waits += 1) {
    expect(last.status).toBe(429);
    const seconds = last.headers['retry-after'];
    expect(seconds).toMatch(/^[1-9]\d*$/);
    await sleep(1000 * Number(seconds));
    last = await handshake(asHeader(token));
  }
  expect(last.opened).toBe(true);
});

test('however many attempts there are with a bad token, none gets in', async () => {
  const results = [];
  for (let count = 0; count < 3 * BURST; count += 1) {
    results.push(await handshake(asSubprotocol('a.b.c')));
  }
  const outcomes = new Set(results.map((result) => (result.opened ? 'opened' : result.status)));
  expect([...outcomes].filter((outcome) => outcome !== 401 && outcome !== 429)).toEqual([]);
});

test('sends of several users from one address are limited together', async () => {
  const clients = [await live(newUser()), await live(newUser())];
  const request = { action: 'send', recipientId: newUser('peer'), content: 'x' };
  const replies = await Promise.all(
    Array.from({ length: 4 * BURST }, (_, index) => clients[index % 2]?.requestOnce(request)),
  );
  const limited = replies.filter((reply) => reply?.code === 'rate_limited');
  expect(limited.length).toBeGreaterThan(0);
  expect(limited.length).toBeLessThanOrEqual(3 * BURST);
  for (const reply of limited) {
    asRefusal(reply ?? {}, 'rate_limited');
  }
  const [client] = clients;
  if (client) {
    await sendTo(client, newUser('peer'));
  }
});
