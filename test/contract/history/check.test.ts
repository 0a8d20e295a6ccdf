import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../support/shapes.ts';
import { type Check, check, ruleOf } from './check.ts';
import { planted, sound } from './planted.ts';
import { plantedTable } from './planted-table.ts';
import { makeRandom } from './random.ts';
import type { Event } from './record.ts';
import { makeSoundHistory } from './sound-history.ts';

/** What has found something, once each, in the order of the checks. */
function checksOf(events: readonly Event[]): Check[] {
  const found = new Set(check(events).map((violation) => violation.check));
  return (Object.keys(ruleOf) as Check[]).filter((name) => found.has(name));
}

for (const [name, events] of Object.entries(sound))
  test(`the checker accepts ${name}`, () => {
    expect(check(events)).toEqual([]);
  });

for (const [name, [checks, events]] of Object.entries(planted))
  test(`the checker finds ${name}, by what it is`, () => {
    expect(checksOf(events)).toEqual((Object.keys(ruleOf) as Check[]).filter((one) => checks.includes(one)));
  });

test('the documentation has the table of what was planted', () => {
  expect(readFileSync('docs/checker.md', 'utf8')).toContain(plantedTable());
});

test('each check alone finds something that no other does', () => {
  const alone = Object.values(planted).flatMap(([checks]) => (checks.length === 1 ? checks : []));
  expect(new Set(alone)).toEqual(new Set(Object.keys(ruleOf)));
});

const anyHistory = fc.record({
  seed: fc.nat(),
  users: fc.integer({ min: 2, max: 5 }),
  steps: fc.integer({ min: 0, max: 200 }),
});
type HistoryOf = { seed: number; users: number; steps: number };
const historyOf = ({ seed, ...sizes }: HistoryOf) => makeSoundHistory({ random: makeRandom(seed), ...sizes });

test('every sound history is accepted', () => {
  const accepts = (one: HistoryOf) => {
    expect(check(historyOf(one))).toEqual([]);
  };
  fc.assert(fc.property(anyHistory, accepts), { numRuns: 1_000 });
});

/** Changes one event of a kind that has messages; `undefined` leaves the history as it is. */
type Plant = (messages: readonly Message[], at: number) => readonly Message[] | undefined;

const plants: [string, Event['kind'], Check, Plant][] = [
  ['a message that a device lacks', 'held', 'held by every device', (all, at) => all.toSpliced(at, 1)],
  [
    'a message that a device holds twice',
    'held',
    'held once',
    (all, at) => all.toSpliced(at, 0, ...all.slice(at, at + 1)),
  ],
  ['a message in a drain twice', 'drained', 'drained once', (all, at) => [...all, ...all.slice(at, at + 1)]],
  [
    'another content in a push',
    'pushed',
    'seen only what was sent',
    (all) => all.map((one) => ({ ...one, content: 'forged' })),
  ],
  [
    'another time in a history',
    'history',
    'one message at a place',
    (all) => all.map((one) => ({ ...one, sentAt: 'now' })),
  ],
  ['a seq that is missing', 'final', 'seq 1, 2, 3 …', (all) => (all.length > 1 ? all.slice(1) : undefined)],
  [
    'an id that comes again',
    'pushed',
    'one place for a message',
    (all) => all.map((one) => ({ ...one, seq: one.seq + 1 })),
  ],
  [
    'a message of others',
    'history',
    'seen by its members alone',
    (all) => all.map((one) => ({ ...one, senderId: 'x', recipientId: 'y' })),
  ],
];

test.for(plants)('wherever it is planted in a sound history, %s is found', ([, kind, name, plant]) => {
  let tried = 0;
  const finds = (one: HistoryOf, pick: number) => {
    const events = historyOf({ ...one, steps: one.steps + 50 });
    const places = events.flatMap((event, index) => {
      const has =
        event.kind === kind && 'messages' in event ? event.messages.length > 0 : event.kind === kind;
      return has ? [index] : [];
    });
    const index = places[pick % (places.length || 1)];
    const event = index === undefined ? undefined : events[index];
    if (index === undefined || !event) return;
    const messages = 'messages' in event ? event.messages : 'message' in event ? [event.message] : [];
    const changed = plant(messages, pick % messages.length);
    if (!changed) return;
    tried += 1;
    const wrong = 'messages' in event ? { ...event, messages: changed } : { ...event, message: changed[0] };
    expect(checksOf(events.with(index, wrong as Event))).toContain(name);
  };
  fc.assert(fc.property(anyHistory, fc.nat(), finds), { numRuns: 200 });
  expect(tried).toBeGreaterThan(50);
});
