import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutations } from './all.ts';
import { withoutGuard } from './mutation.ts';

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

test.for([...mutations])('the source has the guard that is taken out: $guard', (mutation) => {
  const source = read(mutation.file);
  expect(withoutGuard(source, mutation)).not.toBe(source);
});

test('a guard is found however it is laid out, and what replaces it stands in its place', () => {
  const mutation = { guard: 'a guard', file: '', find: 'call(one, { two: 2 });', replace: 'skipped;' };
  const source = 'before();\n    call(\n      one,\n      {\n        two: 2,\n      },\n    );\nafter();';
  expect(withoutGuard(source, mutation)).toBe('before();\n    skipped;\nafter();');
  expect(() => withoutGuard('call(one);', mutation)).toThrow('a guard');
});
