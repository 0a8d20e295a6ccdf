import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../web/', import.meta.url));

test('the page has no way to take text for markup or for code', () => {
  const files = globSync('**/*.{ts,html}', { cwd: root });
  expect(files.length).toBeGreaterThan(5);
  const ways =
    /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|srcdoc|DOMParser|\beval\b|new Function|javascript:|\son\w+=/;
  expect(files.filter((file) => ways.test(readFileSync(`${root}${file}`, 'utf8')))).toEqual([]);
});
