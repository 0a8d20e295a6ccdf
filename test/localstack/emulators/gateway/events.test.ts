import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openClient, recordedRoute, type SeenEvent, startStage } from './harness.ts';

const anyId = expect.stringMatching(/^[\w-]{15}=$/);
const commonContext = {
  extendedRequestId: anyId,
  requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
  messageDirection: 'IN',
  stage: 'local',
  connectedAt: expect.any(Number),
  requestTimeEpoch: expect.any(Number),
  identity: { sourceIp: '127.0.0.1' },
  requestId: anyId,
  connectionId: anyId,
  apiId: 'local',
};

async function oneOfEach(
  connect: (url: string) => WebSocket,
  authorizerContext?: Record<string, unknown>,
): Promise<{
  authorizer: SeenEvent;
  connected: SeenEvent;
  message: SeenEvent;
  disconnected: SeenEvent;
  port: number;
}> {
  const routes = { $connect: recordedRoute(), $disconnect: recordedRoute(), send: recordedRoute() };
  const authorizer = recordedRoute((event) => ({
    principalId: 'alice',
    policyDocument: { Statement: { Effect: 'Allow', Action: '*', Resource: event.methodArn } },
    ...(authorizerContext && { context: authorizerContext }),
  }));
  const stage = await startStage({ routes, authorizer });
  const client = await openClient(connect(stage.url));
  client.send({ action: 'send', text: 'é' });
  const message = await routes.send.next();
  client.socket.close();
  return {
    authorizer: await authorizer.next(),
    connected: await routes.$connect.next(),
    message,
    disconnected: await routes.$disconnect.next(),
    port: stage.port,
  };
}

test('CONNECT has the headers in canonical case, once and in lists, and no more than AWS sends', async () => {
  const { connected, port } = await oneOfEach(
    (url) => new WebSocket(url, { headers: { 'x-two-words': 'v' } }),
  );

  const domainName = `127.0.0.1:${port}`;
  const headers = {
    Host: domainName,
    'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
    'Sec-WebSocket-Key': expect.any(String),
    'Sec-WebSocket-Version': '13',
    'X-Two-Words': 'v',
    'X-Amzn-Trace-Id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Port': String(port),
    'X-Forwarded-Proto': 'http',
  };
  expect(connected).toStrictEqual({
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...commonContext,
      routeKey: '$connect',
      eventType: 'CONNECT',
      domainName,
      authorizer: { principalId: 'alice' },
    },
    isBase64Encoded: false,
  });
});

test('the query is there only if there is one, decoded, the last value of a name and all of them', async () => {
  const { connected, authorizer } = await oneOfEach((url) => new WebSocket(`${url}?a=1&a=2&b=x%20y`));

  const query = {
    queryStringParameters: { a: '2', b: 'x y' },
    multiValueQueryStringParameters: { a: ['1', '2'], b: ['x y'] },
  };
  expect(connected).toMatchObject(query);
  expect(authorizer).toMatchObject(query);
});

test('a repeated header keeps its last value and the list of all', async () => {
  const { connected } = await oneOfEach(
    (url) => new WebSocket(url, { headers: { 'x-tag': ['one', 'two'] } }),
  );

  expect(connected.headers?.['X-Tag']).toBe('two');
  expect(connected.multiValueHeaders?.['X-Tag']).toEqual(['one', 'two']);
});

test('the authorizer gets the handshake and the ARN, and no authorizer context yet', async () => {
  const { authorizer, connected } = await oneOfEach((url) => new WebSocket(url));

  const { authorizer: _context, ...requestContext } = connected.requestContext;
  expect(authorizer).toStrictEqual({
    type: 'REQUEST',
    methodArn: 'arn:aws:execute-api:us-east-1:000000000000:local/local/$connect',
    headers: connected.headers,
    multiValueHeaders: connected.multiValueHeaders,
    requestContext: {
      ...requestContext,
      requestId: anyId,
      extendedRequestId: anyId,
      requestTime: expect.any(String),
      requestTimeEpoch: expect.any(Number),
    },
  });
});

test('MESSAGE has the text and a messageId, and neither headers nor a query', async () => {
  const { message, connected, port } = await oneOfEach((url) => new WebSocket(`${url}?a=1`));

  expect(message).toStrictEqual({
    requestContext: {
      ...commonContext,
      routeKey: 'send',
      eventType: 'MESSAGE',
      messageId: anyId,
      domainName: `127.0.0.1:${port}`,
      authorizer: { principalId: 'alice' },
      connectedAt: connected.requestContext.connectedAt,
      connectionId: connected.requestContext.connectionId,
    },
    body: '{"action":"send","text":"é"}',
    isBase64Encoded: false,
  });
});

test('DISCONNECT has the four headers that AWS sends, the status and the reason', async () => {
  const { disconnected, port } = await oneOfEach((url) => new WebSocket(url));

  const domainName = `127.0.0.1:${port}`;
  expect(disconnected).toStrictEqual({
    headers: { Host: domainName, 'x-api-key': '', 'X-Forwarded-For': '127.0.0.1', 'x-restapi': '' },
    multiValueHeaders: {
      Host: [domainName],
      'x-api-key': [''],
      'X-Forwarded-For': ['127.0.0.1'],
      'x-restapi': [''],
    },
    requestContext: {
      ...commonContext,
      routeKey: '$disconnect',
      eventType: 'DISCONNECT',
      domainName,
      authorizer: { principalId: 'alice' },
      disconnectStatusCode: 1005,
      disconnectReason: 'Client-side close frame status not set',
    },
    isBase64Encoded: false,
  });
});

test('the user agent and the authorizer context, as strings, are in every later event', async () => {
  const { connected, message, disconnected } = await oneOfEach(
    (url) => new WebSocket(url, { headers: { 'user-agent': 'probe/1' } }),
    { userId: 'alice', expiresAt: 1_700_000_000, admin: false },
  );

  for (const event of [connected, message, disconnected]) {
    expect(event.requestContext.identity).toStrictEqual({ sourceIp: '127.0.0.1', userAgent: 'probe/1' });
    expect(event.requestContext.authorizer).toStrictEqual({
      principalId: 'alice',
      userId: 'alice',
      expiresAt: '1700000000',
      admin: 'false',
    });
  }
});

test('every request has its own id and time, and every connection its own id', async () => {
  const send = recordedRoute();
  const stage = await startStage({ routes: { send } });
  const clients = [await stage.open(), await stage.open()];
  for (const client of clients) client.send({ action: 'send' });
  const contexts = [await send.next(), await send.next()].map((event) => event.requestContext);

  for (const field of ['connectionId', 'requestId', 'messageId']) {
    expect(new Set(contexts.map((context) => context[field])).size).toBe(2);
  }
  expect(contexts.every((context) => context.requestId === context.extendedRequestId)).toBe(true);
});
