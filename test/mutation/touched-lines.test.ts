import { expect, test } from 'vitest';
import { atMost, lineCount, touchedLines } from './touched-lines.ts';

const diffOf = (file: string, ...hunks: string[]) =>
  [`--- a/${file}`, `+++ b/${file}`, ...hunks.map((hunk) => `@@ ${hunk} @@ context`)].join('\n');

test('what a change adds is mutated in the SDK and in the rules, and nowhere else', () => {
  const diff = [
    diffOf('client/inbox.ts', '-3 +3,2', '-10,4 +11,0', '-20,0 +18'),
    diffOf('client/package/pack.ts', '-1 +1'),
    diffOf('client/index.ts', '-1 +1'),
    diffOf('shared/reading/read-messages.ts', '-1 +1'),
    diffOf('shared/log/conversation-log.dynamodb.ts', '-1 +1'),
    diffOf('infra/routes.ts', '-1 +1'),
    diffOf('test/client/sending.test.ts', '-1 +1'),
  ].join('\n');
  expect(touchedLines(diff)).toEqual([
    { file: 'client/inbox.ts', from: 3, to: 4 },
    { file: 'client/inbox.ts', from: 18, to: 18 },
    { file: 'shared/reading/read-messages.ts', from: 1, to: 1 },
  ]);
});

test('no more lines than are wanted', () => {
  const ranges = [
    { file: 'a', from: 1, to: 10 },
    { file: 'b', from: 5, to: 9 },
    { file: 'c', from: 1, to: 1 },
  ];
  expect(lineCount(ranges)).toBe(16);
  expect(atMost(ranges, 12)).toEqual([
    { file: 'a', from: 1, to: 10 },
    { file: 'b', from: 5, to: 6 },
  ]);
  expect(atMost(ranges, 16)).toEqual(ranges);
});
