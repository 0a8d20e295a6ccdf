import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { BatchGetCommandInput, TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { intercepting, sdkError, startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let users = 0;
/** Two users of this test alone. */
const pair = (): [string, string] => {
  users += 1;
  return [`alice-${users}`, `bob-${users}`];
};

const storedMessages = (conversationId: string) => world.environment().log.messages(conversationId, 1, 1_000);

test('a time-out after the commit is repeated with the same token, and confirms the one message', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const tokens: (string | undefined)[] = [];
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    const answer = await next();
    if (name !== 'TransactWriteCommand') return answer;
    tokens.push((command.input as TransactWriteCommandInput).ClientRequestToken);
    if (tokens.length === 1) throw Object.assign(new Error('late'), { name: 'TimeoutError' });
    return answer;
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  expect(tokens).toStrictEqual([reply.messageId, reply.messageId]);
  expect(reply.duplicate).toBeUndefined();
  expect(await storedMessages(reply.message.conversationId)).toHaveLength(1);
});

test('a commit that took place is recognised even when its token has been forgotten', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  let sent = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    if (name !== 'TransactWriteCommand') return next();
    sent += 1;
    if (sent === 2) (command.input as TransactWriteCommandInput).ClientRequestToken = 'forgotten';
    const answer = await next();
    if (sent === 1) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    return answer;
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  expect(sent).toBe(2);
  expect(
    (await storedMessages(reply.message.conversationId)).map(({ messageId }) => messageId),
  ).toStrictEqual([reply.messageId]);
});

test('a request that is late, and whose repetition is cancelled, makes one message all the same', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const late: (() => Promise<unknown>)[] = [];
  let sent = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    if (name !== 'TransactWriteCommand') return next();
    sent += 1;
    if (sent === 1) {
      late.push(next);
      throw Object.assign(new Error('late'), { name: 'TimeoutError' });
    }
    if (sent === 2) {
      throw new TransactionCanceledException({
        message: 'cancelled',
        $metadata: { httpStatusCode: 400 },
        CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
      });
    }
    await late.pop()?.();
    return next();
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  expect(sent).toBe(3);
  expect(
    (await storedMessages(reply.message.conversationId)).map(({ messageId }) => messageId),
  ).toStrictEqual([reply.messageId]);
});

/** Lets the first look at a commit that is recognised show its rows as `change` has them. */
function changingFirstLook(change: (rows: Record<string, Row[]>) => Record<string, Row[]>) {
  let looks = 0;
  const { messages } = world.dynamodb.tableNames;
  return {
    looks: () => looks,
    async batchGet(command: { input: unknown }, next: () => Promise<unknown>): Promise<unknown> {
      const { RequestItems = {} } = command.input as BatchGetCommandInput;
      if (!RequestItems[messages]) return next();
      looks += 1;
      const { Responses = {} } = (await next()) as { Responses?: Record<string, Row[]> };
      return { Responses: looks === 1 ? change(Responses) : Responses };
    },
  };
}

type Row = Record<string, unknown>;

/** Without the mailboxes of users named like that, or without the messages. */
function hide(rows: Record<string, Row[]>, user: string): Record<string, Row[]> {
  const { messages, mailboxes } = world.dynamodb.tableNames;
  if (user === '') return { ...rows, [messages]: [] };
  const others = (rows[mailboxes] ?? []).filter(({ userId }) => !String(userId).startsWith(user));
  return { ...rows, [mailboxes]: others };
}

test.for([
  ['its message', ''],
  ['the mailbox of its recipient', 'bob'],
  ['the mailbox of its sender', 'alice'],
] as const)('a commit is recognised only once %s is visible, too', async ([, hidden]) => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const look = changingFirstLook((rows) => hide(rows, hidden));
  let sent = 0;
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) => {
    if (name === 'BatchGetCommand') return look.batchGet(command, next);
    if (name !== 'TransactWriteCommand') return next();
    sent += 1;
    if (sent === 2) (command.input as TransactWriteCommandInput).ClientRequestToken = 'forgotten';
    const answer = await next();
    if (sent === 1) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    return answer;
  });

  const reply = await world
    .environment({ dynamodb })
    .send({ action: 'send', recipientId: bob, content: 'x' }, session);

  expect(look.looks()).toBe(2);
  expect(await storedMessages(reply.message.conversationId)).toHaveLength(1);
});

test('a duplicate is confirmed only once the recipient’s mailbox shows it', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const request = { action: 'send', recipientId: bob, content: 'x', clientMessageId: 'c' } as const;
  const { messageId } = await world.environment().send(request, session);
  const look = changingFirstLook((rows) => hide(rows, 'bob'));
  const dynamodb = intercepting(world.dynamodb.client, async (name, command, next) =>
    name === 'BatchGetCommand' ? look.batchGet(command, next) : next(),
  );

  expect(await world.environment({ dynamodb }).send(request, session)).toMatchObject({ messageId });
  expect(look.looks()).toBe(2);
});

test('an outcome that stays unknown is a failure to be retried, and the retry is a duplicate', async () => {
  const [alice, bob] = pair();
  const session = await world.join(alice);
  const request = { action: 'send', recipientId: bob, content: 'x', clientMessageId: 'c' } as const;
  let now = Date.now();
  const dynamodb = intercepting(world.dynamodb.client, async (name, _, next) => {
    const answer = await next();
    if (name === 'TransactWriteCommand') throw sdkError('InternalServerError', 500);
    return answer;
  });
  const sleep = async (milliseconds: number) => {
    now += milliseconds;
  };
  const clock = { now: () => now, sleep };

  const sending = world.environment({ dynamodb, clock, random: () => 1 }).send(request, session);

  await expect(sending).rejects.toMatchObject({ name: 'OutcomeUnknown' });
  const reply = await world.environment().send(request, session);
  expect(reply).toMatchObject({ duplicate: true, message: { seq: 1 } });
});
