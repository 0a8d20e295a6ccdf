import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessString } from '#infra/cache-access.ts';
import { makeValkeyCache } from '#shared/cache/valkey-cache.ts';
import { makeValkeyConnect } from '#shared/cache/valkey-connection.iovalkey.ts';
import type { ValkeyCommand, ValkeyConnection } from '#shared/cache/valkey-connection.ts';
import { reasonToSkip } from '#test/shared/cache/support/cache-on-server.ts';
import { makeManualClock, message, recordTelemetry } from '#test/shared/cache/support/doubles.ts';
import { makeTestServer, type TestServer } from '#test/shared/cache/support/valkey-server.ts';

const kind = 'TLS and cluster mode';

/** The functions' user, on a real server that holds it to its access string as ElastiCache does. */
describe.skipIf(reasonToSkip(kind))('the access string of the cache’s user', () => {
  let server: TestServer;
  let admin: ValkeyConnection;
  let user: ValkeyConnection;
  const signedIn = () => {
    const url = new URL(server.settings.url);
    return makeValkeyConnect(
      { ...server.settings, url: `valkeys://functions:secret@${url.host}` },
      { clock: { now: () => Date.now() } },
    );
  };

  beforeAll(async () => {
    server = await makeTestServer(kind);
    await server.start();
    admin = await makeValkeyConnect(server.settings, { clock: { now: () => Date.now() } })();
    await admin.pipeline([['ACL', 'SETUSER', 'functions', 'reset', '>secret', ...accessString.split(' ')]]);
    user = await signedIn()();
  });
  afterAll(async () => {
    user?.close();
    admin?.close();
    await server?.remove();
  });

  test('permits all that the cache does, also where something foreign is in a key’s place', async () => {
    const telemetry = recordTelemetry();
    const cache = makeValkeyCache({
      connect: signedIn(),
      epoch: '1',
      clock: makeManualClock(),
      random: () => 0.5,
      telemetry,
    });
    expect(await cache.connected(), telemetry.lines().join('\n')).toBe(true);
    await cache.put(message(1), message(3));
    const { conversationId } = message(1);
    await admin.pipeline([
      ['SET', `{${conversationId}}:m:1:2`, 'foreign'],
      ['ZADD', `{${conversationId}}:recent:1`, 2, 'foreign'],
    ]);
    expect((await cache.range(conversationId, 1, 3)).map(({ seq }) => seq)).toEqual([1, 3]);
    await admin.pipeline([['SET', `{${conversationId}}:recent:1`, 'foreign']]);
    expect((await cache.range(conversationId, 1, 3)).map(({ seq }) => seq)).toEqual([1, 3]);
    await cache.drop(conversationId, 1);
    expect((await cache.range(conversationId, 1, 3)).map(({ seq }) => seq)).toEqual([3]);
    expect(telemetry.counts.get('CacheErrors')).toBeUndefined();
    expect(telemetry.counts.get('CachePoisoned')).toBeGreaterThan(0);
    cache.close();
  });

  test.for<ValkeyCommand>([
    ['GET', '{a}:m:1'],
    ['KEYS', '*'],
    ['SCAN', 0],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['EVAL', 'return 1', 0],
    ['SUBSCRIBE', 'a'],
    ['CLUSTER', 'RESET'],
    ['SET', 'elsewhere', '1'],
  ])('permits no %j', async (command) => {
    const [reply] = await user.pipeline([command]);
    expect(reply).toBeInstanceOf(Error);
    expect(String(reply)).toMatch(/NOPERM|permission/);
  });
});
