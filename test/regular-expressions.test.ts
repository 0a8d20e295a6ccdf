import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isSafePattern } from 'redos-detector';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
/** What somebody else's text comes to. Settings of a deployment are its owner's. */
const folders = '{functions,shared,client,cli,web}/**/*.ts';

/** A literal stands where a value may begin; what looks like one within a comment is taken out before. */
const literal = /(?<=[=(,[:?&|!]\s*|return\s)\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/g;

function literalsOf(file: string): { pattern: string; flags: string }[] {
  const code = readFileSync(`${root}${file}`, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(literal)].map(([, pattern = '', flags = '']) => ({ pattern, flags }));
}

test('no text makes a regular expression backtrack beyond a few steps for each character', () => {
  const found = globSync(folders, { cwd: root }).flatMap((file) =>
    literalsOf(file).map((one) => ({ ...one, file })),
  );
  const unsafe = found.filter(({ pattern, flags }) => {
    const options = { caseInsensitive: flags.includes('i'), unicode: flags.includes('u') };
    return !isSafePattern(pattern, options).safe;
  });

  // It does find them, and those that matter most are among them.
  const patterns = found.map(({ pattern }) => pattern);
  expect(patterns).toEqual(expect.arrayContaining(['^Bearer +(\\S+)$', '^[A-Za-z0-9._:@|-]{1,128}$']));
  expect(patterns.length).toBeGreaterThan(10);
  expect(unsafe).toEqual([]);
  expect(isSafePattern('^(a+)+$').safe).toBe(false);
});
