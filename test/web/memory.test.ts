import { beforeEach, expect, test } from 'vitest';
import type { WebStorage } from '../../client/outbox-storage.ts';
import { makeMemory } from '../../web/memory.ts';

const nothing = { deliveredSeq: 0, readSeq: 0, isBlocked: false };
let rows: Map<string, string>;
let storage: WebStorage;

beforeEach(() => {
  rows = new Map();
  storage = {
    get length() {
      return rows.size;
    },
    key: (index) => [...rows.keys()][index] ?? null,
    getItem: (key) => rows.get(key) ?? null,
    setItem: (key, value) => void rows.set(key, value),
    removeItem: (key) => void rows.delete(key),
  };
});

test('what was told of a peer is there for the next page, of that user and peer only', () => {
  const memory = makeMemory(storage);
  memory.keep('alice', 'bob', { deliveredSeq: 3, readSeq: 2 });
  memory.keep('alice', 'bob', { isBlocked: true });
  const next = makeMemory(storage);
  expect(next.recall('alice', 'bob')).toEqual({ deliveredSeq: 3, readSeq: 2, isBlocked: true });
  expect([next.recall('bob', 'alice'), next.recall('alice', 'carol')]).toEqual([nothing, nothing]);
});

test('what another stack told is forgotten, and every page that has recalled it hears so once', () => {
  const first = makeMemory(storage);
  rows.set('somebody else', 'stays');
  expect(first.turnTo('one')).toBe(false);
  first.keep('alice', 'bob', { isBlocked: true });
  const [page, otherPage] = [makeMemory(storage), makeMemory(storage)];
  expect([page.turnTo('one'), page.turnTo('two'), page.turnTo('two')]).toEqual([false, true, false]);
  expect(page.recall('alice', 'bob')).toEqual(nothing);
  page.keep('alice', 'carol', { isBlocked: true });
  expect(otherPage.turnTo('two')).toBe(true);
  expect(page.recall('alice', 'carol').isBlocked, 'what the new stack has told since').toBe(true);
  expect(rows.get('somebody else')).toBe('stays');
});

const refused = (clientMessageId: string, reason = 'Why.') => ({
  send: { clientMessageId, recipientId: 'bob', content: 'Hello', queuedAt: 1 },
  reason,
});

test('what was refused is there for the next page, of that device only, until it is forgotten', () => {
  const memory = makeMemory(storage);
  for (const id of ['one', 'two', 'three']) memory.keepFailed('alice 1', refused(id));
  memory.keepFailed('alice 1', refused('one', 'Refused again.'));
  memory.forgetFailed('alice 1', 'two');
  const next = makeMemory(storage);
  expect(next.recallFailed('alice 1')).toEqual([refused('three'), refused('one', 'Refused again.')]);
  expect(next.recallFailed('alice 2')).toEqual([]);
  expect(next.turnTo('another stack')).toBe(false);
  expect(next.recallFailed('alice 1')).toEqual([]);
});

test('of what was refused the newest 30 are kept', () => {
  const memory = makeMemory(storage);
  for (let index = 1; index <= 31; index += 1) memory.keepFailed('alice 1', refused(`${index}`));
  const ids = memory.recallFailed('alice 1').map(({ send }) => send.clientMessageId);
  expect(ids).toEqual(Array.from({ length: 30 }, (_, index) => `${index + 2}`));
});

test('what is none of ours is passed over', () => {
  makeMemory(storage).keep('alice', 'bob', { readSeq: 1 });
  const [key = ''] = [...rows.keys()];
  for (const text of ['not JSON', 'null', '7', '{"readSeq":"x","isBlocked":"yes"}']) {
    rows.set(key, text);
    expect(makeMemory(storage).recall('alice', 'bob'), text).toEqual(nothing);
  }
  makeMemory(storage).keepFailed('alice 1', refused('one'));
  const [failedKey = ''] = [...rows.keys()].slice(-1);
  const { send } = refused('two');
  const wrong = [null, 7, {}, { send: null }, { send }, { send: { ...send, queuedAt: 'x' }, reason: '' }];
  for (const text of ['not JSON', 'null', '7', '{"length":1}', JSON.stringify([...wrong, refused('two')])]) {
    rows.set(failedKey, text);
    const whole = text.startsWith('[') ? [refused('two')] : [];
    expect(makeMemory(storage).recallFailed('alice 1'), text).toEqual(whole);
  }
});
