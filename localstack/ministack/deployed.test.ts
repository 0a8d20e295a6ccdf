import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { attempt, type Client } from '../../test/contract/support/client.ts';

const url = process.env.POSTRIDER_URL ?? '';
const tokenUrl = process.env.POSTRIDER_TOKEN_URL ?? '';
const clients: Client[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function live(user: string): Promise<Client> {
  const token = await (await fetch(`${tokenUrl}?user=${user}`)).text();
  const handshake = await attempt(url, { headers: { Authorization: `Bearer ${token.trim()}` } });
  if (!handshake.opened) throw new Error(`The handshake was refused with ${handshake.status}.`);
  clients.push(handshake.client);
  const done = await handshake.client.request({ action: 'reconnect', positions: {}, only: true });
  expect(done.type).toBe('reconnect.done');
  return handshake.client;
}

test('a message goes from one user to another, through every service that it needs', async () => {
  const [alice, bob] = [`alice-${randomUUID()}`, `bob-${randomUUID()}`];
  const [from, to] = [await live(alice), await live(bob)];
  const sent = await from.request({
    action: 'send',
    recipientId: bob,
    content: 'hello',
    clientMessageId: 'one',
  });
  expect(sent).toMatchObject({ type: 'message.sent', message: { content: 'hello', seq: 1 } });
  const pushed = await to.waitFor((frame) => frame.type === 'message.new', 'the push');
  expect(pushed).toMatchObject({ message: { content: 'hello' } });
});
