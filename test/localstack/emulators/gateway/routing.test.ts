import { once } from 'node:events';
import { expect, test } from 'vitest';
import { recordedRoute, startStage } from './harness.ts';

const reply = (body: unknown) => () => ({ statusCode: 200, body });

async function startEchoes() {
  const routes = {
    $connect: recordedRoute(),
    $disconnect: recordedRoute(),
    $default: recordedRoute(reply('default')),
    send: recordedRoute(reply('send')),
  };
  const stage = await startStage({ routes });
  return { client: await stage.open(), routes };
}

test('action selects the route of that name', async () => {
  const { client, routes } = await startEchoes();
  client.send({ action: 'send' });

  expect(await client.next()).toBe('send');
  expect((await routes.send.next()).requestContext.routeKey).toBe('send');
});

test.each([
  '{"action":"Send"}',
  '{"action":"send "}',
  '{"action":"unknown"}',
  '{"action":["send"]}',
  '{"action":null}',
  '{"Action":"send"}',
  '{"body":{"action":"send"}}',
  '{"action":"toString"}',
  '{"action":"__proto__"}',
  '{"action":"$default"}',
  '{"action":"$connect"}',
  '{"action":"$disconnect"}',
  '[{"action":"send"}]',
  '"send"',
  'null',
  'send',
  '{"action":"send"',
  '',
])('%s goes to $default', async (text) => {
  const { client, routes } = await startEchoes();
  client.socket.send(text);

  expect(await client.next()).toBe('default');
  expect(await routes.$default.next()).toMatchObject({
    body: text,
    requestContext: { routeKey: '$default' },
  });
  expect(routes.$connect.events).toHaveLength(1);
});

test('without $default the client is told Forbidden, and the socket stays open', async () => {
  const send = recordedRoute(reply('send'));
  const stage = await startStage({ routes: { send } });
  const client = await stage.open();
  client.send({ action: 'unknown' });

  const forbidden = await client.next();
  client.send({ action: 'send' });

  const { connectionId } = (await send.next()).requestContext;
  expect(forbidden).toMatch(
    /^\{"message": "Forbidden", "connectionId":"[\w-]{15}=", "requestId":"[\w-]{15}="\}$/,
  );
  expect(JSON.parse(forbidden)).toMatchObject({ connectionId });
  expect(await client.next()).toBe('send');
});

test.each([
  ['rejects', () => Promise.reject(new Error('a secret'))],
  [
    'throws',
    () => {
      throw new Error('a secret');
    },
  ],
  ['answers nothing', () => undefined],
  ['answers text', () => 'hello'],
  ['answers without a status', () => ({ body: 'hello' })],
  ['answers with a status that is none', () => ({ statusCode: 1, body: 'hello' })],
  ['answers with an object as its body', () => ({ statusCode: 200, body: { a: 1 } })],
  ['answers with more than a message holds', () => ({ statusCode: 200, body: 'x'.repeat(131_073) })],
])(
  'a function that %s makes the client see Internal server error; the socket stays open',
  async (_name, handler) => {
    const routes = { broken: recordedRoute(handler), send: recordedRoute(reply('send')) };
    const stage = await startStage({ routes });
    const client = await stage.open();
    client.send({ action: 'broken' });

    const error = await client.next();
    client.send({ action: 'send' });

    const { connectionId, requestId } = (await routes.broken.next()).requestContext;
    expect(error).toBe(
      `{"message": "Internal server error", "connectionId":"${connectionId}", "requestId":"${requestId}"}`,
    );
    expect(await client.next()).toBe('send');
  },
);

test('a function without a route response that fails is reported as well', async () => {
  const broken = recordedRoute(() => Promise.reject(new Error('boom')), false);
  const stage = await startStage({ routes: { broken } });
  const client = await stage.open();
  client.send({ action: 'broken' });

  expect(await client.next()).toContain('"Internal server error"');
});

test('a function over the time limit is given up, and what it answers later reaches nobody', async () => {
  const late = Promise.withResolvers<unknown>();
  const routes = { slow: recordedRoute(() => late.promise), send: recordedRoute(reply('send')) };
  const stage = await startStage({ routes, limits: { integrationMs: 20 } });
  const client = await stage.open();
  client.send({ action: 'slow' });

  const first = await client.next();
  late.resolve({ statusCode: 200, body: 'too late' });
  client.send({ action: 'send' });

  expect(first).toContain('"Internal server error"');
  expect(await client.next()).toBe('send');
});

test.each([
  ['no body', { statusCode: 200 }],
  ['an empty body', { statusCode: 200, body: '' }],
  ['a null body', { statusCode: 200, body: null }],
])('a route response with %s sends nothing', async (_name, response) => {
  const routes = { silent: recordedRoute(() => response), send: recordedRoute(reply('send')) };
  const stage = await startStage({ routes });
  const client = await stage.open();
  client.send({ action: 'silent' });
  await routes.silent.next();
  client.send({ action: 'send' });

  expect(await client.next()).toBe('send');
});

test('without a route response the body goes nowhere', async () => {
  const routes = { quiet: recordedRoute(reply('quiet'), false), send: recordedRoute(reply('send')) };
  const stage = await startStage({ routes });
  const client = await stage.open();
  client.send({ action: 'quiet' });
  await routes.quiet.next();
  client.send({ action: 'send' });

  expect(await client.next()).toBe('send');
});

test('the body of a route response is the whole text frame, whatever the status', async () => {
  const send = recordedRoute(() => ({ statusCode: 400, body: '{"é":1}' }));
  const stage = await startStage({ routes: { send } });
  const client = await stage.open();
  client.send({ action: 'send' });

  const [data, isBinary] = (await once(client.socket, 'message')) as [Buffer, boolean];

  expect(data.toString()).toBe('{"é":1}');
  expect(isBinary).toBe(false);
});

test('messages of one connection are handled side by side', async () => {
  const first = Promise.withResolvers<void>();
  const slow = recordedRoute(async () => {
    await first.promise;
    return { statusCode: 200, body: 'slow' };
  });
  const stage = await startStage({ routes: { slow, fast: recordedRoute(reply('fast')) } });
  const client = await stage.open();
  client.send({ action: 'slow' });
  client.send({ action: 'fast' });

  expect(await client.next()).toBe('fast');
  first.resolve();
  expect(await client.next()).toBe('slow');
});

test('an answer for a client that has left is dropped', async () => {
  const answer = Promise.withResolvers<unknown>();
  const routes = { slow: recordedRoute(() => answer.promise), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const client = await stage.open();
  client.send({ action: 'slow' });
  await routes.slow.next();
  client.socket.terminate();
  await routes.$disconnect.next();
  answer.resolve({ statusCode: 200, body: 'hello' });

  await stage.gateway.close();

  expect(routes.$disconnect.events).toHaveLength(1);
});
