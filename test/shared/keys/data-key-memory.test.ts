import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { makeDataKeyMemory } from '#shared/keys/data-key-memory.ts';
import { hour, makeVirtualClock, recordTelemetry } from './support/environment.ts';

const clock = makeVirtualClock();
const makeMemory = () =>
  makeDataKeyMemory({
    clock,
    telemetry: recordTelemetry(),
    keepMs: hour,
    keepWhileUnreachableMs: 4 * hour,
  });

test('a key is fresh for its hour from the moment at which its loading began', () => {
  const memory = makeMemory();
  memory.hold('aa', randomBytes(32), clock.now() - 10);
  clock.advance(hour - 11);
  expect(memory.fresh('aa')).toBeDefined();
  clock.advance(1);
  expect(memory.fresh('aa')).toBe(undefined);
});

test('it holds 400 keys, and the one longest unused makes room', () => {
  const memory = makeMemory();
  for (let key = 0; key < 400; key += 1) memory.hold(String(key), randomBytes(32), clock.now());
  expect(memory.fresh('0')).toBeDefined();
  memory.hold('one more', randomBytes(32), clock.now());
  expect(memory.fresh('0')).toBeDefined();
  expect(memory.fresh('1')).toBe(undefined);
  expect(memory.fresh('2')).toBeDefined();
});

test('a key past its last limit leaves memory for good when the next one comes', async () => {
  setFlagsFromString('--expose_gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const memory = makeMemory();
  const old = new WeakRef(memory.hold('aa', randomBytes(32), clock.now()));
  clock.advance(4 * hour);
  memory.hold('bb', randomBytes(32), clock.now());

  for (let turn = 0; turn < 20 && old.deref() !== undefined; turn += 1) {
    await nextTurn();
    collectGarbage();
  }

  expect(old.deref()).toBe(undefined);
  expect(memory.fresh('bb')).toBeDefined();
});
