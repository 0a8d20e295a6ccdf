import { expect } from 'vitest';
import { history, pushed, sendTo } from './support/calls.ts';
import { attempt, type HandshakeOptions } from './support/client.ts';
import { asHeader, asSubprotocol, contract, newUser, settle } from './support/contract.ts';
import { expectReply } from './support/shapes.ts';
import {
  signedBySecret,
  signedByStranger,
  unsigned,
  untilExpired,
  withBrokenSignature,
  withClaims,
} from './support/tokens.ts';

const { test, target, handshake, open, live } = contract('connect');

async function opened(options: HandshakeOptions) {
  const result = await handshake(options);
  if (!result.opened) {
    throw new Error(`refused with ${result.status}`);
  }
  return result.client;
}

/** Asserts that the handshake itself is refused: no connection that is opened and then closed. */
async function refusedWith(options: HandshakeOptions, status: number, why: string) {
  const result = await handshake(options);
  expect(result.opened ? 'opened' : result.status, why).toBe(status);
}

/** Asserts that a token is refused in both places where one can stand. */
async function tokenRefused(token: string, why: string) {
  await refusedWith(asSubprotocol(token), 401, `${why}, as subprotocol`);
  await refusedWith(asHeader(token), 401, `${why}, in the header`);
}

test('a token as the subprotocol bearer.{jwt} beside postrider.v1 connects, and postrider.v1 is selected', async () => {
  const client = await opened(asSubprotocol(await target().token(newUser())));
  expect(client.protocol).toBe('postrider.v1');
  expectReply(await client.request({ action: 'ping' }), 'pong');
});

test('the order in which the two subprotocols are offered does not matter', async () => {
  const token = await target().token(newUser());
  const client = await opened({ protocols: [`bearer.${token}`, 'postrider.v1'] });
  expect(client.protocol).toBe('postrider.v1');
});

test('a token in the Authorization header connects, and no subprotocol is selected when none was offered', async () => {
  const client = await opened(asHeader(await target().token(newUser())));
  expect(client.protocol).toBe('');
  expectReply(await client.request({ action: 'ping' }), 'pong');
});

test('the name of the header is written in any case', async () => {
  const token = await target().token(newUser());
  await opened({ headers: { authorization: `Bearer ${token}` } });
  await opened({ headers: { AUTHORIZATION: `Bearer ${token}` } });
});

test('postrider.v1 is selected when it was offered beside a token in the header', async () => {
  const token = await target().token(newUser());
  const client = await opened({ ...asHeader(token), protocols: ['postrider.v1'] });
  expect(client.protocol).toBe('postrider.v1');
});

test('the same token in the header and as a subprotocol connects', async () => {
  const token = await target().token(newUser());
  await opened({ ...asHeader(token), ...asSubprotocol(token) });
});

test('different tokens in the header and as a subprotocol are refused with 401', async () => {
  const user = newUser();
  const [mine, other] = [await target().token(user), await target().token(newUser())];
  const later = await target().token(user, 1234);
  await refusedWith({ ...asHeader(mine), ...asSubprotocol(other) }, 401, 'two users');
  await refusedWith({ ...asHeader(mine), ...asSubprotocol(later) }, 401, 'two tokens of one user');
});

test('another scheme in the header, or an empty one, counts as no header', async () => {
  const token = await target().token(newUser());
  for (const authorization of ['Basic Zm9vOmJhcg==', `Token ${token}`, '']) {
    const client = await opened({ headers: { Authorization: authorization }, ...asSubprotocol(token) });
    expect(client.protocol).toBe('postrider.v1');
  }
  const undefinedToken = { headers: { Authorization: 'Bearer undefined' }, ...asSubprotocol(token) };
  await refusedWith(undefinedToken, 401, 'a header with a token that is none');
});

test('no token is refused with 401', async () => {
  await refusedWith({}, 401, 'nothing at all');
  await refusedWith({ protocols: ['postrider.v1'] }, 401, 'the version alone');
  await refusedWith({ headers: { Authorization: '' } }, 401, 'an empty header');
});

test('a malformed token is refused with 401', async () => {
  const token = await target().token(newUser());
  for (const malformed of ['x', 'a.b', 'a.b.c', 'a.b.c.d', '...', token.slice(0, -10), `${token}.${token}`]) {
    await tokenRefused(malformed, malformed.slice(0, 20));
  }
  await refusedWith({ headers: { Authorization: 'Bearer' } }, 401, 'a scheme without a token');
  await refusedWith({ headers: { Authorization: token } }, 401, 'a token without its scheme');
  await refusedWith({ headers: { Authorization: `Basic ${token}` } }, 401, 'another scheme');
  await refusedWith({ protocols: ['postrider.v1', 'bearer.'] }, 401, 'an empty subprotocol');
  await refusedWith({ protocols: ['postrider.v1', token] }, 401, 'a subprotocol without bearer.');
});

test('an expired token is refused with 401', async () => {
  const token = await target().token(newUser(), 1);
  await untilExpired(token);
  await tokenRefused(token, 'expired');
});

test('a wrongly signed token is refused with 401', async () => {
  const token = await target().token(newUser());
  await tokenRefused(withBrokenSignature(token), 'a broken signature');
  await tokenRefused(signedByStranger(token), 'the key of a stranger');
  await tokenRefused(unsigned(token), 'no signature');
  await tokenRefused(signedBySecret(token), 'a shared secret');
  await tokenRefused(withClaims(token, { sub: newUser('victim') }), 'another user under the old signature');
  await tokenRefused(withClaims(token, { exp: 4_000_000_000 }), 'a longer life under the old signature');
});

test('a token of another issuer or audience is refused with 401', async () => {
  const token = await target().token(newUser());
  for (const claims of [{ iss: 'https://issuer.example' }, { aud: 'another', client_id: 'another' }]) {
    await tokenRefused(signedByStranger(token, claims), Object.keys(claims).join());
    await tokenRefused(withClaims(token, claims), Object.keys(claims).join());
  }
});

test('a token in the URL is not accepted', async () => {
  const token = await target().token(newUser());
  for (const name of ['token', 'access_token', 'authorization', 'Authorization', 'jwt', 'bearer']) {
    const value = encodeURIComponent(name.toLowerCase() === 'authorization' ? `Bearer ${token}` : token);
    const result = await attempt(`${target().url}?${name}=${value}`, {});
    if (result.opened) {
      await result.client.close();
    }
    expect(result.opened ? 'opened' : result.status, name).toBe(401);
  }
});

test('a user id may be 1 to 128 of A-Za-z0-9._:@|- and is who sends', async () => {
  const unique = newUser('AZaz09._:@|-');
  const peer = newUser('peer');
  for (const user of [unique, unique.padEnd(128, 'x'), '|', ':', '-', '0']) {
    const client = await open(user);
    const message = await sendTo(client, peer);
    expect(message.senderId).toBe(user);
    expect(message.recipientId).toBe(peer);
  }
});

test('a user id that names something every object has is a user id like any other', async () => {
  for (const user of ['__proto__', 'constructor', 'toString']) {
    const [client, other] = [await live(user), await live(newUser())];
    const { senderId, conversationId } = await sendTo(other, user);
    expect((await sendTo(client, senderId)).conversationId).toBe(conversationId);
    expect((await history(client, conversationId)).messages).toMatchObject([
      { senderId },
      { senderId: user },
    ]);
  }
});

test('user ids are told apart by case', async () => {
  const lower = newUser('case');
  const upper = `CASE${lower.slice(4)}`;
  const [a, b] = [await live(lower), await live(upper)];
  const message = await sendTo(a, upper);
  await pushed(b, message);
  expect(message.senderId).toBe(lower);
});

test('a first frame that is no reconnect is answered as usual', async () => {
  const client = await open(newUser());
  expectReply(await client.request({ action: 'ping' }), 'pong');
  expect((await sendTo(client, newUser())).seq).toBe(1);
  expectReply(await client.request({ action: 'conversations' }), 'conversations.page', ['conversations']);
});

test('pushes begin only with the first reconnect', async () => {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const sender = await live(alice);
  const waiting = await open(bob);
  const ready = await live(bob);
  const early = await sendTo(sender, bob, 'early');
  await pushed(ready, early);
  await settle();
  expectReply(await waiting.request({ action: 'ping' }), 'pong');
  expect(waiting.received.map(({ type }) => type)).toEqual(['pong']);

  await waiting.request({ action: 'reconnect', positions: { [early.conversationId]: 1 } });
  const late = await sendTo(sender, bob, 'late');
  await pushed(waiting, late);
});
