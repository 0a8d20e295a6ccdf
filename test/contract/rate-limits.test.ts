import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { sendTo, wholeHistory } from './support/calls.ts';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import type { Frame } from './support/inbox.ts';
import { asRefusal, asSent, expectReply } from './support/shapes.ts';
import { UNTHROTTLED } from './support/target.ts';

const BURST = 5;
/** One token in two seconds, so that a slow machine does not refill what the test takes. */
const REFILL_PER_SECOND = 0.5;
const ONE_REFILL_MS = 1000 / REFILL_PER_SECOND;

const { test, live } = contract('rate limits', {
  limits: { ...UNTHROTTLED, messagesPerUser: { burst: BURST, refillPerSecond: REFILL_PER_SECOND } },
  ownStackOnly: true,
});

const isLimited = (reply: Frame) => reply.code === 'rate_limited';

/** Sends until it is limited; gives the refusal and how many passed. */
async function untilLimited(clients: readonly Client[], request: () => Frame, most: number) {
  for (let passed = 0; passed < most; passed += 1) {
    const reply = await clients[passed % clients.length]?.requestOnce(request());
    if (reply && isLimited(reply)) {
      return { refusal: asRefusal(reply, 'rate_limited'), passed };
    }
  }
  throw new Error(`${most} requests passed`);
}

/** Waits as announced, at most once more, and gives the answer. */
async function afterWaiting(client: Client, request: Frame, retryAfterMs: number): Promise<Frame> {
  await sleep(retryAfterMs);
  const reply = await client.requestOnce(request);
  if (!isLimited(reply)) {
    return reply;
  }
  await sleep(Number(reply.retryAfterMs));
  return await client.requestOnce(request);
}

const sendRequest = (recipientId: string, content = 'x') => ({ action: 'send', recipientId, content });

test('sends beyond the limit of a user are rate_limited, and pass after retryAfterMs', async () => {
  const client = await live(newUser());
  const request = sendRequest(newUser('peer'));
  const { refusal, passed } = await untilLimited([client], () => request, 3 * BURST);
  expect(passed).toBeGreaterThanOrEqual(BURST);
  const { retryAfterMs = 0 } = refusal;
  expect(Number.isInteger(retryAfterMs)).toBe(true);
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(2 * ONE_REFILL_MS);
  asSent(await afterWaiting(client, request, retryAfterMs));
});

test('a send that was rate_limited stores nothing, and the connection stays open', async () => {
  const client = await live(newUser());
  const peer = newUser('peer');
  const { refusal, passed } = await untilLimited([client], () => sendRequest(peer, 'passed'), 3 * BURST);
  expectReply(await client.request({ action: 'ping' }), 'pong');
  const { message } = asSent(
    await afterWaiting(client, sendRequest(peer, 'later'), refusal.retryAfterMs ?? 0),
  );
  expect(message.seq).toBe(passed + 1);
  expect(await wholeHistory(client, message.conversationId)).toHaveLength(passed + 1);
});

test('the limit is one for all the connections of a user', async () => {
  const user = newUser();
  const clients = [await live(user), await live(user), await live(user)];
  const request = sendRequest(newUser('peer'));
  const started = Date.now();
  const { passed } = await untilLimited(clients, () => request, 10 * BURST);
  const refilled = Math.ceil((Date.now() - started) / ONE_REFILL_MS);
  expect(passed).toBeLessThanOrEqual(BURST + refilled);
});

test('the limit of one user is nothing to another', async () => {
  const [client, other] = [await live(newUser()), await live(newUser())];
  const peer = newUser('peer');
  await untilLimited([client], () => sendRequest(peer), 3 * BURST);
  await sendTo(other, peer);
});

test('a duplicate pays the rate limit like any send', async () => {
  const client = await live(newUser());
  const request = { ...sendRequest(newUser('peer')), clientMessageId: 'c-1' };
  const { refusal, passed } = await untilLimited([client], () => request, 3 * BURST);
  expect(passed).toBeGreaterThanOrEqual(BURST);
  expect(asSent(await afterWaiting(client, request, refusal.retryAfterMs ?? 0)).duplicate).toBe(true);
});

test('many sends at once do not pass more than the limit', async () => {
  const client = await live(newUser());
  const request = sendRequest(newUser('peer'));
  const started = Date.now();
  const replies = await Promise.all(Array.from({ length: 6 * BURST }, () => client.requestOnce(request)));
  const refilled = Math.ceil((Date.now() - started) / ONE_REFILL_MS);
  const passed = replies.filter((reply) => !isLimited(reply));
  expect(passed.length).toBeGreaterThanOrEqual(BURST);
  expect(passed.length).toBeLessThanOrEqual(BURST + refilled);
  for (const reply of replies.filter(isLimited)) {
    asRefusal(reply, 'rate_limited');
  }
});
