import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../docs/threat-model.md', import.meta.url), 'utf8');
const defended = page.slice(0, page.indexOf('## Not defended against'));
const lines = defended.split('\n').filter((line) => /^\| (?!-)/.test(line) && !/\| test \|$/.test(line));

/** The tests that a line names, as links from their names to their files. */
function testsOf(line: string): { name: string; file: string }[] {
  const links = line.matchAll(/\[((?:[^[\]]|\[[^\]]*\])+)\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\)/g);
  return [...links].map(([, name = '', file = '']) => ({ name, file }));
}

/** Whether a file registers a test of exactly this name. */
function registers(file: string, name: string): boolean {
  const code = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const quoted = [`'${name}'`, `"${name}"`, `\`${name}\``].map((text) => code.indexOf(text));
  // Right after the parenthesis of `test(`, of `it(`, or of the table before it.
  return quoted.some((at) => at > 0 && /(?:\b(?:test|it)|\))\(\s*$/.test(code.slice(0, at)));
}

test('every line of the threat model names a test', () => {
  expect(lines.length).toBeGreaterThan(60);
  expect(lines.filter((line) => testsOf(line).length === 0)).toEqual([]);
});

test('every test that the threat model names exists', () => {
  const named = lines.flatMap(testsOf);
  expect(named.length).toBeGreaterThan(90);
  expect(named.filter(({ name, file }) => !registers(file, name))).toEqual([]);
  expect(registers('test/docs/threat-model.test.ts', 'a test that nobody wrote')).toBe(false);
});
