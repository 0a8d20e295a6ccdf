import { expect } from 'vitest';
import { pushed, sendTo, wholeHistory } from './support/calls.ts';
import { asSubprotocol, contract, newUser, settle } from './support/contract.ts';
import { asRefusal, expectReply } from './support/shapes.ts';
import { expiryOf, untilExpired } from './support/tokens.ts';

/** Long enough to connect on a busy machine. Seconds. */
const TTL = 5;

const { test, target, handshake, live } = contract('expiry');

/** A connection of `user` whose token is about to expire, and that token. */
async function shortLived(user: string) {
  const token = await target().token(user, TTL);
  const result = await handshake(asSubprotocol(token));
  if (!result.opened) {
    throw new Error(`refused with ${result.status}`);
  }
  expectReply(await result.client.request({ action: 'reconnect' }), 'reconnect.done', [
    'conversations',
    'more',
    'epoch',
  ]);
  return { token, client: result.client };
}

test('ttl is the life of a local token in seconds', async () => {
  const before = Date.now();
  const token = await target().token(newUser(), 100);
  expect(expiryOf(token)).toBeGreaterThan(before + 90_000);
  expect(expiryOf(token)).toBeLessThan(Date.now() + 110_000);
});

test('after the expiry a ping gets unauthenticated with its requestId, then the connection is closed', async () => {
  const { token, client } = await shortLived(newUser());
  expectReply(await client.request({ action: 'ping' }), 'pong');
  await untilExpired(token);
  const reply = await client.request({ action: 'ping', requestId: 'late' });
  asRefusal(reply, 'unauthenticated');
  expect(reply.requestId).toBe('late');
  await client.closing();
});

test('after the expiry a send is refused and stores nothing', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const { token, client } = await shortLived(alice);
  const { conversationId } = await sendTo(client, bob, 'in time');
  await untilExpired(token);
  asRefusal(await client.request({ action: 'send', conversationId, content: 'too late' }), 'unauthenticated');
  await client.closing();
  const reader = await live(bob);
  expect((await wholeHistory(reader, conversationId)).map(({ content }) => content)).toEqual(['in time']);
});

test('after the expiry a request without a requestId gets unauthenticated without one', async () => {
  const { token, client } = await shortLived(newUser());
  await untilExpired(token);
  asRefusal(await client.exchange('{"action":"ping"}'), 'unauthenticated', { requestId: false });
  await client.closing();
});

test('after the expiry a frame that is no request gets unauthenticated as well', async () => {
  const { token, client } = await shortLived(newUser());
  await untilExpired(token);
  asRefusal(await client.exchange('not JSON'), 'unauthenticated', { requestId: false });
  await client.closing();
});

test('after the expiry an idle connection gets no pushes', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const { token, client: expiring } = await shortLived(bob);
  const [sender, valid] = [await live(alice), await live(bob)];
  await pushed(expiring, await sendTo(sender, bob, 'in time'));
  const before = expiring.received.length;
  await untilExpired(token);
  await pushed(valid, await sendTo(sender, bob, 'too late'));
  await settle();
  expect(expiring.received.slice(before)).toEqual([]);
});

test('a new token serves after the expiry of the old one', async () => {
  const user = newUser();
  const { token } = await shortLived(user);
  await untilExpired(token);
  const client = await live(user);
  expectReply(await client.request({ action: 'ping' }), 'pong');
});
