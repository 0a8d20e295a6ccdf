import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openTcp, recordedRoute, startStage, upgradeRequest } from './harness.ts';

test('connects without any function', async () => {
  const stage = await startStage({});

  const client = await stage.open();

  expect(client.socket.protocol).toBe('');
  expect(stage.gateway.connectionCount()).toBe(1);
});

test.each([200, 201, 299])('$connect answering %i connects', async (statusCode) => {
  const stage = await startStage({ routes: { $connect: recordedRoute(() => ({ statusCode })) } });

  await stage.open();

  expect(stage.gateway.connectionCount()).toBe(1);
});

test.each([302, 400, 401, 403, 418, 429, 500, 503])(
  '$connect answering %i refuses with that status, its headers and its body, before any upgrade',
  async (statusCode) => {
    const $disconnect = recordedRoute();
    const $connect = recordedRoute(() => ({
      statusCode,
      headers: { 'Retry-After': 7, 'Content-Length': '1', Connection: 'keep-alive' },
      body: 'not now',
    }));
    const stage = await startStage({ routes: { $connect, $disconnect } });

    const refused = await stage.openRefused();

    expect(refused).toMatchObject({ status: statusCode, body: 'not now' });
    expect(refused.headers).toMatchObject({ 'retry-after': '7', connection: 'close' });
    expect(stage.gateway.connectionCount()).toBe(0);
    expect($disconnect.events).toEqual([]);
  },
);

test.each([
  ['a rejection', () => Promise.reject(new Error('boom'))],
  ['nothing', () => undefined],
  ['no status', () => ({ body: 'hello' })],
  ['a status in text', () => ({ statusCode: '200' })],
  ['a body that is no text', () => ({ statusCode: 200, body: { a: 1 } })],
  ['a header that would split the response', () => ({ statusCode: 429, headers: { a: 'b\r\nc: d' } })],
])('$connect answering with %s refuses with 502', async (_name, handler) => {
  const stage = await startStage({ routes: { $connect: recordedRoute(handler) } });

  const refused = await stage.openRefused();

  expect(refused).toMatchObject({ status: 502, body: '{"message":"Internal server error"}' });
});

test('$connect that takes too long refuses with 504', async () => {
  const $connect = recordedRoute(() => new Promise(() => undefined));
  const stage = await startStage({ routes: { $connect }, limits: { integrationMs: 20 } });

  expect((await stage.openRefused()).status).toBe(504);
});

test.each(['Sec-WebSocket-Protocol', 'sec-websocket-protocol', 'SEC-WEBSOCKET-PROTOCOL'])(
  'the subprotocol that $connect names in %s is selected',
  async (header) => {
    const $connect = recordedRoute(() => ({ statusCode: 200, headers: { [header]: 'second' } }));
    const stage = await startStage({ routes: { $connect } });

    const client = await stage.open(['first', 'second']);

    expect(client.socket.protocol).toBe('second');
    expect((await $connect.next()).headers?.['Sec-WebSocket-Protocol']).toBe('first,second');
  },
);

test('no subprotocol is selected if $connect names none, so a client that offered some gives up', async () => {
  const stage = await startStage({ routes: { $connect: recordedRoute() } });

  await expect(stage.open(['first'])).rejects.toThrow('Server sent no subprotocol');
});

test('other headers of a $connect that lets in are not passed on', async () => {
  const $connect = recordedRoute(() => ({ statusCode: 200, headers: { 'X-Secret': '1' } }));
  const stage = await startStage({ routes: { $connect } });
  const socket = await openTcp(stage.port);
  socket.write(upgradeRequest());

  const [answer] = (await once(socket, 'data')) as [Buffer];

  expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
  expect(answer.toString()).not.toContain('X-Secret');
});

test('compression is not negotiated', async () => {
  const stage = await startStage({});

  expect((await stage.open()).socket.extensions).toBe('');
});

test.each([
  ['another version', ['Sec-WebSocket-Version: 8']],
  ['a bad key', ['Sec-WebSocket-Key: short']],
  ['a bad subprotocol', ['Sec-WebSocket-Protocol: a b']],
  ['a subprotocol offered twice', ['Sec-WebSocket-Protocol: a, a']],
])('a handshake with %s is refused with 400 before a function is asked', async (_name, extra) => {
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect } });
  const socket = await openTcp(stage.port);
  const replaced = extra.map((line) => line.split(':')[0] ?? '');
  const lines = upgradeRequest('/local', extra).split('\r\n');
  socket.write(
    lines.filter((line) => extra.includes(line) || !replaced.includes(line.split(':')[0] ?? '')).join('\r\n'),
  );

  const [answer] = (await once(socket, 'data')) as [Buffer];

  expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect($connect.events).toEqual([]);
});

test('the path is the stage, with or without a slash after it, and nothing else', async () => {
  const stage = await startStage({});
  const statuses: string[] = [];
  for (const path of ['/local', '/local/', '/local?a=/x', '/', '/locally', '/local/x', '/other']) {
    const socket = await openTcp(stage.port);
    socket.write(upgradeRequest(path));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    statuses.push(answer.toString().slice(9, 12));
  }

  expect(statuses).toEqual(['101', '101', '101', '404', '404', '404', '404']);
});

test('frames that come before the upgrade is answered are handled after it', async () => {
  const letIn = Promise.withResolvers<void>();
  const $connect = recordedRoute(async () => {
    await letIn.promise;
    return { statusCode: 200 };
  });
  const $default = recordedRoute();
  const stage = await startStage({ routes: { $connect, $default } });
  const socket = await openTcp(stage.port);
  socket.write(upgradeRequest());
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  const { connectionId } = (await $connect.next()).requestContext;
  expect($default.events).toEqual([]);
  letIn.resolve();

  const event = await $default.next();

  expect(event).toMatchObject({ body: 'hi', requestContext: { connectionId } });
});

test.each([
  ['ends', 'end'],
  ['resets', 'resetAndDestroy'],
] as const)(
  'a client that %s during $connect still gets its $disconnect, and leaves nothing',
  async (_name, how) => {
    const letIn = Promise.withResolvers<void>();
    const $connect = recordedRoute(async () => {
      await letIn.promise;
      return { statusCode: 200 };
    });
    const $disconnect = recordedRoute();
    const stage = await startStage({ routes: { $connect, $disconnect } });
    const socket = await openTcp(stage.port);
    socket.write(upgradeRequest());
    const { connectionId } = (await $connect.next()).requestContext;
    socket[how]();
    await serverHasRead(stage.port);
    letIn.resolve();

    const { requestContext } = await $disconnect.next();

    expect(requestContext).toMatchObject({ connectionId, disconnectStatusCode: 1006 });
    expect(stage.gateway.connectionCount()).toBe(0);
  },
);

test('a client that vanished before a $connect that refuses gets no $disconnect', async () => {
  const answer = Promise.withResolvers<unknown>();
  const $connect = recordedRoute(() => answer.promise);
  const $disconnect = recordedRoute();
  const stage = await startStage({ routes: { $connect, $disconnect } });
  const socket = await openTcp(stage.port);
  socket.write(upgradeRequest());
  await $connect.next();
  socket.resetAndDestroy();
  answer.resolve({ statusCode: 403 });
  await stage.open().catch(() => undefined);

  await stage.gateway.close();

  expect($disconnect.events).toEqual([]);
});

test('a client that vanished while the authorizer ran is not let in to $connect', async () => {
  const decided = Promise.withResolvers<void>();
  const authorizer = recordedRoute(async (event) => {
    await decided.promise;
    return {
      principalId: 'a',
      policyDocument: { Statement: [{ Effect: 'Allow', Action: '*', Resource: event.methodArn }] },
    };
  });
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect }, authorizer });
  const socket = await openTcp(stage.port);
  socket.write(upgradeRequest());
  await authorizer.next();
  socket.end();
  await serverHasRead(stage.port);
  decided.resolve();
  await once(socket, 'close');

  expect($connect.events).toEqual([]);
});

/** What the server reads later has come later: after two requests it knows of what was sent before them. */
async function serverHasRead(port: number): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/`);
  await fetch(`http://127.0.0.1:${port}/`);
}
