import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { place } from '#shared/log/commit-transaction.dynamodb.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { intercepting, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
/** Two users of one test alone, at an address of their own: its rate limit remembers how late they have it. */
async function two() {
  users += 1;
  const [a, b] = [await world.join(`alice-${users}`), await world.join(`bob-${users}`)];
  const address = `192.0.2.${users}`;
  return [
    { ...a, address },
    { ...b, address },
  ] as const;
}

const isCommit = (name: string) => name === 'TransactWriteCommand';

test.for([
  ['the first place', 0],
  ['a later place', 1],
] as const)('a race lost for %s goes on from the rows of its refusal, without a read', async ([, before]) => {
  const [a, b] = await two();
  const toAlice = { action: 'send', recipientId: a.userId, content: 'first' } as const;
  for (let sent = 0; sent < before; sent += 1) await world.environment().send(toAlice, b);
  const calls: string[] = [];
  const dynamodb = intercepting(world.dynamodb.client, async (name, { input }, next) => {
    if ((input as { TableName?: string }).TableName !== world.dynamodb.tableNames.dataKeys) calls.push(name);
    if (isCommit(name) && calls.filter(isCommit).length === 1) await world.environment().send(toAlice, b);
    return next();
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: b.userId, content: 'second' }, a);

  expect(reply.message.seq).toBe(before + 2);
  expect(calls.filter(isCommit)).toHaveLength(2);
  // The one of the beginning.
  expect(calls.filter((name) => name === 'BatchGetCommand')).toHaveLength(1);
  expect(calls).not.toContain('GetCommand');
});

test('rows of a refusal that disagree are read again: with old remembered sends, a duplicate would be a second message', async () => {
  const [a, b] = await two();
  const environment = world.environment();
  const first = { action: 'send', recipientId: b.userId, content: 'x', clientMessageId: 'first' } as const;
  const { conversationId } = (await environment.send(first, a)).message;
  const old = await environment.mailboxes.get(a.userId, conversationId);
  const again = { ...first, clientMessageId: 'again' };
  let refused = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (!isCommit(name) || refused > 0) return next();
    await world.environment().send(again, a);
    try {
      return await next();
    } catch (error) {
      refused += 1;
      // The sender's row as it was looked at before the other message came, the head's after it.
      const reasons = error instanceof TransactionCanceledException ? error.CancellationReasons : undefined;
      Object.assign(reasons?.[place.senderMailbox] ?? {}, { Item: marshall(old) });
      throw error;
    }
  });

  const reply = await world.environment({ dynamodb }).send(again, a);

  expect(refused).toBe(1);
  expect(reply).toMatchObject({ duplicate: true, message: { seq: 2 } });
  expect(await environment.log.messages(conversationId, 1, 9)).toHaveLength(2);
});

test('races that are lost for ever end in a failure before the function does', async () => {
  const [a, b] = await two();
  const start = Date.now();
  let now = start;
  // Limits of what follows a commit are never reached here; a back-off takes its time at once.
  const sleep = async (milliseconds: number, signal?: AbortSignal) => {
    if (signal) await new Promise(() => {});
    now += Math.ceil(milliseconds);
  };
  let commits = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    // A minute is more than any function has.
    if (!isCommit(name) || now - start > 60_000) return next();
    commits += 1;
    now += 1_000;
    throw new TransactionCanceledException({
      message: 'cancelled',
      $metadata: { httpStatusCode: 400 },
      CancellationReasons: [{ Code: 'TransactionConflict' }, ...Array(3).fill({ Code: 'None' })],
    });
  });
  const environment = world.environment({ dynamodb, clock: { now: () => now, sleep } });

  const sending = environment.send({ action: 'send', recipientId: b.userId, content: 'x' }, a);

  await expect(sending).rejects.toBeInstanceOf(DependencyFailure);
  expect(commits).toBeGreaterThan(4);
  expect(now - start).toBeLessThan(20_000);
});
