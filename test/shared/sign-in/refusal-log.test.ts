import { expect, test } from 'vitest';
import { makeRefusalLog } from '#shared/sign-in/refusal-log.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

/** A log of refusals at a time that stands still, what it has written, and what it has counted in all. */
function setUp() {
  const world = { now: Date.parse('2026-03-01T00:00:00Z'), lines: [] as unknown[], counted: 0 };
  const telemetry = {
    ...silentTelemetry,
    warn: (event: string, fields?: object) => void world.lines.push({ event, ...fields }),
    info: () => expect.fail(),
    error: () => expect.fail(),
    count(name: string, by = 1) {
      expect(name).toBe('AuthorizeRefused');
      world.counted += by;
    },
  };
  const tell = makeRefusalLog({ clock: { now: () => world.now, sleep: async () => {} }, telemetry });
  return { world, tell };
}

test('a refusal is a line with its reason', () => {
  const { world, tell } = setUp();

  tell('expired');

  expect(world.lines).toStrictEqual([{ event: 'handshake refused', reason: 'expired' }]);
  expect(world.counted).toBe(1);
});

test('a flood of refusals writes 20 lines a minute, and the next line tells of all the others', () => {
  const { world, tell } = setUp();

  for (let count = 0; count < 1_000; count += 1) tell('signature');
  expect(world.lines).toHaveLength(20);
  world.now += 60_000;
  tell('expired');

  expect(world.lines.at(-1)).toMatchObject({ reason: 'expired', untold: 980 });
  expect(world.counted).toBe(1_001);
  tell('expired');
  expect(world.lines.at(-1)).not.toHaveProperty('untold');
  expect(world.counted).toBe(1_002);
});
