import { expect } from 'vitest';
import { contract, newUser } from './support/contract.ts';
import { asRefusal, asSent } from './support/shapes.ts';

/** Far more than one person can type; the contract promises a limit, not its number. */
const FLOOD = 3000;
const AT_ONCE = 50;

const { test, live } = contract('rate limits by default', { limits: undefined });

test('a handful of messages passes without a limit', async () => {
  const client = await live(newUser());
  const recipientId = newUser('peer');
  for (let index = 0; index < 10; index += 1) {
    asSent(await client.requestOnce({ action: 'send', recipientId, content: 'x' }));
  }
});

test('a flood of messages by one user is rate_limited', async () => {
  const client = await live(newUser());
  const request = { action: 'send', recipientId: newUser('peer'), content: 'x' };
  for (let sent = 0; sent < FLOOD; sent += AT_ONCE) {
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => client.requestOnce(request)));
    const limited = replies.find(({ code }) => code === 'rate_limited');
    if (limited) {
      expect(asRefusal(limited, 'rate_limited').retryAfterMs).toBeGreaterThan(0);
      return;
    }
  }
  throw new Error(`${FLOOD} messages passed`);
});
