import { readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

test('the pictures of the README are there, small, and told in words', () => {
  const pictures = [...readme.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)];
  expect(pictures.map(([, , path]) => path)).toEqual([
    'docs/pictures/page.png',
    'docs/pictures/flow-under-way.png',
    'docs/pictures/flow.png',
  ]);
  for (const [, words = '', path = ''] of pictures) {
    expect(words.split(/\s+/).length, path).toBeGreaterThan(8);
    expect(statSync(new URL(path, root)).size, path).toBeLessThan(300 * 1024);
  }
});
