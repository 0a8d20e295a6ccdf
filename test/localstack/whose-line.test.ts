import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Stack, startStack } from '#localstack/stack.ts';

/** What the functions wrote, as `npm start` writes it. */
const written: string[] = [];
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    cache: false,
    environment: { POWERTOOLS_LOG_LEVEL: 'INFO' },
    onLog: (line) => void written.push(line),
  });
}, 120_000);
afterAll(async () => await stack.stop(), 60_000);

async function ask(user: string, frame: object): Promise<Record<string, unknown>> {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user)}`]);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const answer = new Promise<Record<string, unknown>>((resolve) =>
    socket.once('message', (data) => resolve(JSON.parse(String(data)))),
  );
  socket.send(JSON.stringify(frame));
  const frameOf = await answer;
  socket.close();
  return frameOf;
}

/** The query of docs/deploy.md, `filter userId = "…"`, over the lines of all functions. */
const linesOf = (userId: string): Record<string, unknown>[] =>
  written
    .filter((line) => line.includes(`"userId":"${userId}"`))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))));

test('why Alice’s message failed is one look at the lines that are hers', async () => {
  const content = 'the code is 4711';
  stack.wire.intercept(async (call, forward) =>
    call.operation === 'TransactWriteItems'
      ? {
          statusCode: 400,
          headers: { 'content-type': 'application/x-amz-json-1.0' },
          body: Buffer.from('{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException"}'),
        }
      : forward(),
  );
  expect(await ask('alice', { action: 'send', recipientId: 'bob', content })).toMatchObject({
    code: 'unavailable',
  });
  stack.wire.intercept(undefined);
  expect(await ask('carol', { action: 'read', conversationId: 'none', seq: 1 })).toMatchObject({
    code: 'not_found',
  });

  expect(linesOf('alice')).toContainEqual(
    expect.objectContaining({
      action: 'send',
      level: 'ERROR',
      message: 'dependency failed',
      error: expect.objectContaining({ name: 'AccessDeniedException' }),
      conversationId: expect.any(String),
      seq: 1,
      requestId: expect.any(String),
      connectionId: expect.any(String),
      function_request_id: expect.any(String),
    }),
  );
  expect(linesOf('carol')).toContainEqual(
    expect.objectContaining({ action: 'read', message: 'refused', code: 'not_found' }),
  );
  expect(written.join('\n')).not.toContain(content);
});
