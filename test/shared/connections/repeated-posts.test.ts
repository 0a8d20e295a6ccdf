import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeManagementApi } from '#shared/connections/gateway.apigateway.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import { clock } from '#shared/runtime/system.ts';
import { sdkError, startWorld, testEpoch, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

/** The management API whose first answer tells nothing of whether the frame has arrived. */
function unsureGateway() {
  const posted: string[] = [];
  const send = async ({ input }: { input: { Data?: unknown } }) => {
    if (input.Data === undefined) return {};
    const { type, code } = JSON.parse(String(input.Data));
    posted.push(code ?? type);
    if (posted.length === 1) throw sdkError('InternalServerError', 500);
    return {};
  };
  const api = { send } as unknown as Parameters<typeof makeManagementApi>[0]['api'];
  return { posted, gateway: makeManagementApi({ api, clock, random: () => 0 }) };
}

test('a push that may have arrived is sent again: a client knows it by its place', async () => {
  const { posted, gateway } = unsureGateway();
  const [alice] = [await world.join('alice'), await world.join('bob')];

  await world.environment({ gateway }).send({ action: 'send', recipientId: 'bob', content: 'x' }, alice);

  expect(posted).toEqual(['message.new', 'message.new']);
});

test('a page of a reconnect that may have arrived is not sent again, and nothing comes after it', async () => {
  const { posted, gateway } = unsureGateway();
  const dave = await world.join('dave');
  await world
    .environment()
    .send({ action: 'send', recipientId: 'dave', content: 'x' }, await world.join('carol'));

  const reconnect = world.environment({ gateway }).reconnect({ action: 'reconnect' }, dave, undefined);

  await expect(reconnect).rejects.toMatchObject({ name: 'InternalServerError' });
  expect(posted).toEqual(['reconnect.page']);
});

test('the end marker of a reconnect that may have arrived is not sent again', async () => {
  const { posted, gateway } = unsureGateway();
  const erin = await world.join('erin');

  const reconnect = world.environment({ gateway }).reconnect({ action: 'reconnect' }, erin, undefined);

  await expect(reconnect).rejects.toMatchObject({ name: 'InternalServerError' });
  expect(posted).toEqual(['reconnect.done']);
});

test.for([
  ['an answer', Number.MAX_SAFE_INTEGER, ['pong', 'unavailable']],
  ['the word that the token has expired', 0, ['unauthenticated', 'unavailable']],
] as const)(
  '%s that may have arrived is not sent again: what follows is the word of the failure alone',
  async ([, tokenExpiresAt, types]) => {
    const { posted, gateway } = unsureGateway();
    const handler = makeFrameHandler({
      useCases: { ping: async () => ({ type: 'pong' }) },
      limiter: world.environment().limiter,
      gateway,
      clock,
      telemetry: world.telemetry,
      epoch: testEpoch,
      answers: 'post',
    });
    const requestContext = {
      connectionId: 'c1',
      connectedAt: 0,
      identity: { sourceIp: '192.0.2.1' },
      authorizer: { userId: 'alice', tokenExpiresAt: String(tokenExpiresAt), epoch: testEpoch },
    };

    await handler({ body: '{"action":"ping"}', requestContext } as never, {} as Context);

    expect(posted).toEqual(types);
  },
);
