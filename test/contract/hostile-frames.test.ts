import { expect } from 'vitest';
import type { Client } from './support/client.ts';
import { contract, newUser } from './support/contract.ts';
import { asRefusal, expectReply } from './support/shapes.ts';

const { test, live } = contract('hostile frames');

async function stillOpen(client: Client) {
  expectReply(await client.request({ action: 'ping' }), 'pong');
}

test('an error about a very long name still fits in a frame', async () => {
  const client = await live(newUser());
  for (const unit of ['x', '\\u0001', '\\"', 'é', '😀']) {
    const name = unit.repeat(Math.floor(32_000 / Buffer.byteLength(unit)));
    asRefusal(await client.exchange(`{"requestId":"x","action":"ping","${name}":1}`), 'bad_request');
    asRefusal(await client.exchange(`{"requestId":"x","action":"${name}"}`), 'bad_request');
    asRefusal(await client.exchange(`{"requestId":"x","action":"block","userId":"${name}"}`), 'bad_request');
    const ack = await client.exchange(`{"requestId":"x","action":"ack","positions":{"${name}":1}}`);
    expect(ack.code).toMatch(/^(bad_request|not_found)$/);
  }
  await stillOpen(client);
});

test('an error about very many unknown fields still fits in a frame', async () => {
  const client = await live(newUser());
  const names = Array.from({ length: 3000 }, (_, index) => `"u${index}":1`).join();
  asRefusal(await client.exchange(`{"requestId":"x","action":"ping",${names}}`), 'bad_request');
});

test('deep nesting gets bad_request', async () => {
  const client = await live(newUser());
  const deep = `${'['.repeat(16_000)}${']'.repeat(16_000)}`;
  for (const action of [
    '"ping","x":',
    '"send","content":',
    '"ack","positions":',
    '"reconnect","positions":',
  ]) {
    asRefusal(await client.exchange(`{"requestId":"x","action":${action}${deep}}`), 'bad_request');
  }
  asRefusal(await client.exchange(deep), 'bad_request', { requestId: false });
  await stillOpen(client);
});

test('a lone surrogate in the name of a field gets bad_request', async () => {
  const client = await live(newUser());
  asRefusal(await client.exchange('{"requestId":"x","action":"ping","\\ud800":1}'), 'bad_request');
  asRefusal(await client.exchange('{"requestId":"x","action":"\\ud800"}'), 'bad_request');
});

test('a frame far above the limit closes with 1009', async () => {
  for (const bytes of [140_000, 1_000_000]) {
    const client = await live(newUser());
    client.sendText(' '.repeat(bytes));
    expect((await client.closing()).code).toBe(1009);
  }
});

test('a frame that is too long for one connection does nothing to another', async () => {
  const user = newUser();
  const [client, other] = [await live(user), await live(user)];
  client.sendText(' '.repeat(40_000));
  expect((await client.closing()).code).toBe(1009);
  await stillOpen(other);
});

test('many wrong frames at once are each answered', async () => {
  const client = await live(newUser());
  const from = client.received.length;
  for (let index = 0; index < 50; index += 1) {
    client.sendText(index % 2 === 0 ? '{' : '{"action":"fly"}');
  }
  await stillOpen(client);
  let seen = 0;
  await client.waitFor(({ code }) => code === 'bad_request' && ++seen === 50, '50 refusals', from);
});
