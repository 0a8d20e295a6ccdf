import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Stack, startStack } from '#localstack/stack.ts';
import type { WireCall, WireOutcome } from '#localstack/wire/wire.ts';

type Frame = Record<string, unknown>;

let stack: Stack;
const ended: [WireCall, WireOutcome][] = [];

beforeAll(async () => {
  stack = await startStack({ cache: false });
  stack.wire.observe({ callEnded: (call, outcome) => ended.push([call, outcome]) });
}, 240_000);

afterAll(() => stack?.stop());

async function connect(user: string) {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user)}`]);
  await once(socket, 'open');
  const ask = async (frame: Frame): Promise<Frame> => {
    socket.send(JSON.stringify({ ...frame, requestId: 'r' }));
    for (;;) {
      const [data] = await once(socket, 'message');
      const answer = JSON.parse(String(data)) as Frame;
      if (answer.requestId === 'r') return answer;
    }
  };
  await ask({ action: 'reconnect', positions: {} });
  return { ask, close: () => socket.close() };
}

/** What the calls that `functionName` made since the last look were, as `service.operation`, and what they cost. */
function callsOf(functionName: string) {
  const all = ended.splice(0).filter(([call]) => call.invocation?.functionName === functionName);
  return {
    names: all.map(([{ service, operation }]) => `${service}.${operation}`).sort(),
    invocations: new Set(all.map(([call]) => call.invocation?.requestId)).size,
    read: all.reduce((sum, [, { consumed }]) => sum + (consumed?.read ?? 0), 0),
    write: all.reduce((sum, [, { consumed }]) => sum + (consumed?.write ?? 0), 0),
  };
}

test('every AWS call of a function passes, with the invocation that made it and what it cost', async () => {
  const [alice, bob] = [await connect('alice'), await connect('bob')];
  const send = (content: string) => alice.ask({ action: 'send', recipientId: 'bob', content });
  expect(await send('the first one makes the conversation')).toMatchObject({ type: 'message.sent' });
  await sleep(50);
  ended.length = 0;
  expect(await send('hello')).toMatchObject({ type: 'message.sent' });

  // Two budgets, each in one update or, where the burst is over, in two.
  const { names, invocations, read, write } = callsOf('send');
  const updates = names.filter((name) => name === 'dynamodb.UpdateItem').length;
  expect([2, 4]).toContain(updates);
  expect(names.filter((name) => name !== 'dynamodb.UpdateItem')).toStrictEqual([
    'connections.PostToConnection',
    'dynamodb.BatchGetItem',
    'dynamodb.Query',
    'dynamodb.Query',
    'dynamodb.Query',
    'dynamodb.Query',
    'dynamodb.TransactWriteItems',
    'sqs.SendMessage',
  ]);
  expect(invocations).toBe(1);
  expect([read, write]).toStrictEqual([7, 10]);
  alice.close();
  bob.close();
});

test('invocations are told with the event that they were made for', async () => {
  const told: Record<string, string[]> = {};
  const tell = (functionName: string, what: string) => {
    told[functionName] = [...(told[functionName] ?? []), what];
  };
  const stop = stack.wire.observe({
    invocationStarted: ({ functionName, event }) => {
      const { requestContext } = event as { requestContext?: { routeKey?: string; requestId?: string } };
      tell(functionName, `${requestContext?.routeKey} ${typeof requestContext?.requestId}`);
    },
    invocationEnded: ({ functionName }, outcome) => tell(functionName, outcome),
  });
  const carol = await connect('carol');
  await carol.ask({ action: 'ping' });
  // Its end is told as the answer leaves, or a moment later.
  while ((told.sync?.length ?? 0) < 2 || (told.reconnect?.length ?? 0) < 2) await sleep(5);
  stop();
  // Those of whoever left before.
  delete told.disconnect;
  expect(told).toStrictEqual({
    authorize: ['$connect string', 'returned'],
    connect: ['$connect string', 'returned'],
    reconnect: ['reconnect string', 'returned'],
    sync: ['ping string', 'returned'],
  });
  carol.close();
});
