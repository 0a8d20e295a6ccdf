import { expect, test, vi } from 'vitest';
import { error, makeScriptedClient } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

const startMs = 1_750_000_000_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** A token of an hour that the issuer gave at `issuedMs` after the virtual clock's start, by a right clock. */
function tokenFrom(issuedMs: number, lifeMs = hourMs): string {
  const iat = (startMs + issuedMs) / 1_000;
  const payload = Buffer.from(JSON.stringify({ iat, exp: iat + lifeMs / 1_000 })).toString('base64url');
  return `h.${payload}.s`;
}

function recordTokens(give: (calls: number) => string) {
  const asked: boolean[] = [];
  const getToken = ({ fresh }: { fresh: boolean }) => {
    asked.push(fresh);
    return give(asked.length);
  };
  return { asked, getToken, fresh: () => asked.filter((fresh) => fresh).length };
}

type Scripted = ReturnType<typeof makeScriptedClient>;

/** Refuses every handshake for `ms` milliseconds; gives how many there were. */
async function refuseFor({ gateway, clock }: Scripted, ms: number): Promise<number> {
  let refused = 0;
  await flush();
  for (let waited = 0; waited < ms; waited += 500) {
    while (gateway.waiting() > 0) {
      refused += 1;
      await gateway.next().cut();
    }
    await clock.advance(500);
  }
  return refused;
}

test('a server that refuses everybody is not answered by fresh tokens', async () => {
  const { getToken, asked, fresh } = recordTokens(() => tokenFrom(0));
  const scripted = makeScriptedClient({ getToken });
  scripted.client.connect();
  const refused = await refuseFor(scripted, 4 * minuteMs);
  expect(refused).toBeGreaterThan(15);
  // Once after several refusals.
  expect(asked.slice(0, 5)).toEqual([false, false, false, true, false]);
  expect(fresh()).toBe(1);
  await refuseFor(scripted, 40 * minuteMs);
  // After pauses of 5, 10 and 20 minutes, less jitter.
  expect(fresh()).toBe(4);
});

test('a token that has ended is replaced at the first refusal, or before it', async () => {
  const { getToken, asked } = recordTokens((calls) => tokenFrom(calls === 1 ? -2 * hourMs : 0));
  const scripted = makeScriptedClient({ getToken });
  scripted.client.connect();
  await refuseFor(scripted, minuteMs);
  expect(asked.slice(0, 3)).toEqual([false, true, false]);
});

test('a device that slept past the end of its token asks for a fresh one', async () => {
  const { getToken, asked } = recordTokens((calls) => tokenFrom(calls === 1 ? 0 : 2 * hourMs));
  const { client, clock, connected, gateway } = makeScriptedClient({ getToken });
  await connected();
  client.disconnect();
  await clock.advance(2 * hourMs);
  client.connect();
  await flush();
  expect(asked).toEqual([false, true]);
  expect(gateway.waiting()).toBe(1);
});

test('a connection that is replaced for its age keeps the token', async () => {
  const { getToken, asked } = recordTokens(() => tokenFrom(0, 24 * hourMs));
  const { clock, connected, gateway } = makeScriptedClient({ getToken, replyTimeoutMs: hourMs });
  await connected();
  await clock.advance(115 * minuteMs);
  expect(gateway.waiting()).toBe(1);
  expect(asked).toEqual([false, false]);
});

test('after some refusals an error names the url and the token, once', async () => {
  const { getToken } = recordTokens(() => tokenFrom(0));
  const scripted = makeScriptedClient({ getToken });
  const { told, client, gateway, clock, admit } = scripted;
  client.connect();
  await refuseFor(scripted, 10 * minuteMs);
  expect(told.error).toMatchObject([
    {
      code: 'refused',
      message: expect.stringContaining('wss://example.test/stage'),
      remedy: expect.stringContaining('token'),
    },
  ]);
  expect(told.error[0]?.message).toContain('token');

  while (gateway.waiting() === 0) await clock.advance(500);
  await (await admit()).cut();
  await refuseFor(scripted, 10 * minuteMs);
  expect(told.error).toHaveLength(2);
});

test('a device that knows itself to be offline is told nothing', async () => {
  vi.stubGlobal('navigator', { onLine: false });
  const scripted = makeScriptedClient();
  scripted.client.connect();
  await refuseFor(scripted, 10 * minuteMs);
  vi.unstubAllGlobals();
  expect(scripted.told.error).toEqual([]);
});

test('a server that lets in and says that every token has ended is not answered by fresh ones for ever', async () => {
  const { getToken, fresh } = recordTokens(() => tokenFrom(0));
  const { client, clock, gateway } = makeScriptedClient({ getToken });
  client.connect();
  await flush();
  for (let waited = 0; waited < 4 * minuteMs; waited += 500) {
    if (gateway.waiting() > 0) {
      const connection = gateway.next();
      await connection.open();
      await connection.reply(connection.take('reconnect'), error('unauthenticated'));
    }
    await clock.advance(500);
  }
  expect(fresh()).toBe(1);
});

// The last ones are ahead by more than a token's life, and behind by it.
test.each([0, 30, 55, 59, 59.9, 61, 600, -30, -60, -600])(
  'with a clock that is ahead by %d minutes a connection is replaced once in half of the life of its token',
  async (minutes) => {
    let now = 0;
    const { getToken, asked } = recordTokens(() => tokenFrom(now - minutes * minuteMs));
    const { client, clock, gateway, admit } = makeScriptedClient({ getToken });
    client.connect();
    await flush();
    await admit();
    for (; now < 10 * hourMs; now += 10_000) {
      await clock.advance(10_000);
      while (gateway.waiting() > 0) await admit();
    }
    expect(asked.length).toBeLessThanOrEqual(22);
    // Every token has been replaced before it ended.
    expect(asked.length).toBeGreaterThanOrEqual(10);
  },
);

test('a token without iat does not make a client with a wrong clock spin either', async () => {
  const payload = (exp: number) => Buffer.from(JSON.stringify({ exp })).toString('base64url');
  const { getToken, asked } = recordTokens((calls) => `h.${payload(startMs / 1_000 + 5 + calls)}.s`);
  const { client, clock, gateway, admit } = makeScriptedClient({ getToken });
  client.connect();
  await flush();
  await admit();
  for (let waited = 0; waited < 10 * minuteMs; waited += 1_000) {
    await clock.advance(1_000);
    while (gateway.waiting() > 0) await admit();
  }
  expect(asked.length).toBeLessThanOrEqual(21);
});

test('getToken that gives the same token again is not asked for another one in a hurry', async () => {
  const { getToken, asked } = recordTokens(() => tokenFrom(0, 10 * minuteMs));
  const { client, clock, gateway, admit } = makeScriptedClient({ getToken });
  client.connect();
  await flush();
  const connection = await admit();
  for (let waited = 0; waited < 9.5 * minuteMs; waited += 1_000) {
    await clock.advance(1_000);
    while (gateway.waiting() > 0) await admit();
  }
  expect(connection.isClosed()).toBe(true);
  expect(asked).toEqual([false, true]);
});

test('where a token ends before half of its life is over, the server is asked just then', async () => {
  // From a cache of the issuer's: it is nine tenths over.
  const { getToken } = recordTokens((calls) => tokenFrom(calls === 1 ? -30 * minuteMs : -25 * minuteMs));
  const { client, clock, gateway, admit } = makeScriptedClient({ getToken });
  client.connect();
  await flush();
  await admit();
  await clock.advance(29 * minuteMs);
  const second = await admit();
  second.mute();
  const before = second.actions().length;
  expect(before).toBe(0);
  // By now it has 6 minutes left, and 30 until it may be replaced.
  await clock.advance(3 * minuteMs);
  await second.push({ type: 'something of a later version' });
  await clock.advance(3 * minuteMs + 1_000);
  expect(second.actions()).toEqual(['ping']);
  await second.reply(second.take('ping'), error('unauthenticated'));
  await clock.advance(1_000);
  expect(gateway.waiting()).toBe(1);
});
