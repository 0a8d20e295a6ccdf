import { expect, test } from 'vitest';
import { makeScriptedClient } from './support/scripted-client.ts';

const id = 'x'.repeat(43);
const timers = ['pingIntervalMs', 'connectionLifeMs', 'replyTimeoutMs', 'ackDelayMs'];
const badNumbers = [Number.POSITIVE_INFINITY, Number.NaN, -1, 2 ** 31, 1.5, '240000'];

test.each([
  ...timers.flatMap((name) => badNumbers.map((value) => ({ [name]: value }))),
  ...['pingIntervalMs', 'connectionLifeMs', 'replyTimeoutMs'].flatMap((name) => [
    { [name]: 0 },
    { [name]: 1 },
  ]),
  ...[0, Number.NaN, '5'].map((maxQueued) => ({ maxQueued })),
  ...['5', null, Number.NaN, -1, 1.5, 2 ** 53, undefined].map((position) => ({
    positions: { [id]: position },
  })),
  ...['x', new Map([[id, 5]]), [5], 7, null].map((positions) => ({ positions })),
  { positions: { '': 1 } },
  { positions: { ['x'.repeat(40_000)]: 1 } },
  ...['', 7, null, 'x'.repeat(257)].map((epoch) => ({ epoch })),
  { url: 'wss://' },
  { url: 'wss://host/#fragment' },
  { url: undefined },
  { getToken: 'token' },
  { storage: {} },
  { storage: null },
])('options that can never do are refused at once: case %#', (options) => {
  expect(() => makeScriptedClient(options as never)).toThrow(
    expect.objectContaining({ code: 'bad_options' }),
  );
});

test.each([
  { pingIntervalMs: 2 ** 31 - 1, connectionLifeMs: 2 ** 31 - 1, replyTimeoutMs: 2 ** 31 - 1 },
  { ackDelayMs: 0 },
  { positions: { [id]: 0 } },
  { positions: { [id]: 5 }, epoch: 'x'.repeat(256) },
  { url: 'WS://127.0.0.1:4510/local?a=b' },
])('what is at the limit is taken: case %#', async (options) => {
  const { connected, client } = makeScriptedClient(options);
  await connected();
  expect(client.state()).toBe('connected');
});
