import { expect, test } from 'vitest';
import { parseDeviations, unknownDeviations } from './deviations.ts';

test('a list of deviations is read into reasons by test name', () => {
  const text = JSON.stringify([{ test: 'frames > a', reason: 'known' }]);
  expect([...parseDeviations(text)]).toEqual([['frames > a', 'known']]);
});

test.each([
  ['no list', '{"test":"a","reason":"b"}'],
  ['an entry without a reason', '[{"test":"a"}]'],
  ['an entry with an empty reason', '[{"test":"a","reason":""}]'],
  ['an entry that is no object', '["a"]'],
  ['no JSON', 'a'],
])('%s is refused', (_name, text) => {
  expect(() => parseDeviations(text)).toThrow();
});

test('a test that is named twice is refused', () => {
  const entry = { test: 'frames > a', reason: 'known' };
  expect(() => parseDeviations(JSON.stringify([entry, entry]))).toThrow('named twice');
});

test('a listed name that no test of its section has is found', () => {
  const deviations = new Map([
    ['frames > a', 'known'],
    ['frames > gone', 'known'],
    ['send > b', 'known'],
  ]);
  expect(unknownDeviations(deviations, 'frames', new Set(['frames > a']))).toEqual(['frames > gone']);
});
