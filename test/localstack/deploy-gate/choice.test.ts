import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chosenTests } from '#localstack/deploy-gate/choice.ts';

const root = new URL('../../../', import.meta.url);
const files = ['test/deploy/', 'test/contract/'].flatMap((directory) =>
  readdirSync(new URL(directory, root)).map((file) => `/${directory}${file}`),
);

test('arguments go to Vitest as they are', () => {
  expect(chosenTests([])).toEqual([]);
  expect(chosenTests(['deployed', '--bail', '1'])).toEqual(['deployed', '--bail', '1']);
});

test('each file of the small choice exists, once: Vitest passes over a name that fits nothing', () => {
  const names = chosenTests(['--small']).filter((arg) => arg.endsWith('.test.ts'));
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) expect(files.filter((file) => file.endsWith(name))).toHaveLength(1);
});

test('the small choice leaves the backlogs out, and nothing else', () => {
  const chosen = chosenTests(['--small']);
  const pattern = new RegExp(chosen[chosen.indexOf('--testNamePattern') + 1] ?? '');
  expect(pattern.test('reconnect > a large backlog is drained')).toBe(false);
  expect(pattern.test('reconnect > with positions one gets every message above them')).toBe(true);
});
