import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutations } from './all.ts';
import { withoutGuard } from './mutation.ts';

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

test.for([...mutations])('the source has the guard that is taken out: $guard', (mutation) => {
  const source = read(mutation.file);
  expect(withoutGuard(source, mutation)).not.toBe(source);
});

test('the page of guards has each of them, and no other', () => {
  const rows = read('docs/guards.md').match(/^\| .*(?= \| `)/gm) ?? [];
  const named = rows.map((row) => row.slice(2).split(' | `')[0]);
  expect(named).toStrictEqual(mutations.map(({ guard }) => guard));
});
