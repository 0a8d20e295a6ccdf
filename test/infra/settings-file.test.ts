import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { settingsOfEnvironment } from '#infra/settings-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postrider-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (file: string, content: unknown) =>
  writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
const read = (context: Record<string, unknown> = {}) => settingsOfEnvironment(context, folder);

test('each environment has the settings of its own file', () => {
  write('Postrider.json', {
    issuer: 'https://login.example.com',
    audience: ['web', 'android'],
    cache: 'none',
  });
  write('Staging.json', { cache: 'vpc', keepData: false });
  expect(read()).toMatchObject({ name: 'Postrider', audience: 'web,android', cache: 'none' });
  expect(read({ 'postrider:name': 'Staging' })).toMatchObject({
    name: 'Staging',
    cache: 'vpc',
    keepData: false,
  });
});

test('the command line counts more than the file, and an empty value means the default', () => {
  write('Postrider.json', { cache: 'none', logLevel: 'DEBUG' });
  expect(read({ 'postrider:cache': 'vpc' })).toMatchObject({ cache: 'vpc', logLevel: 'DEBUG' });
  expect(read({ 'postrider:cache': '' })).toMatchObject({ cache: 'public', logLevel: 'DEBUG' });
});

test('without a file there are the defaults', () => {
  expect(read()).toMatchObject({ name: 'Postrider', cache: 'public' });
});

test('what the file and the command line say has to fit together', () => {
  write('Postrider.json', { issuer: 'https://login.example.com', audience: 'web' });
  expect(() => read({ 'postrider:selfSignUp': 'true' })).toThrow('leave one of them out');
});

test.each([
  ['{"cache": ', 'settings/Postrider.json is no JSON'],
  ['["cache"]', 'settings/Postrider.json is no object'],
  [{ cahce: 'none' }, 'There is no setting "cahce", which settings/Postrider.json has'],
  [{ 'postrider:cache': 'none' }, 'write "cache"'],
  [{ name: 'Staging' }, 'the file’s name is the name'.replace('’', "'")],
  [{ cache: 'big' }, '"cache" in settings/Postrider.json is "big": write one of'],
])('the file %j is refused in a sentence', (content, sentence) => {
  write('Postrider.json', content);
  expect(() => read()).toThrow(sentence);
});

test('a value of the command line that is wrong is not blamed on the file', () => {
  write('Postrider.json', { cache: 'none' });
  expect(() => read({ 'postrider:cache': 'big' })).toThrow('- postrider:cache is "big"');
});

test('a file whose name differs in case alone is not passed over', () => {
  write('postrider.json', { cache: 'none' });
  expect(() => read()).toThrow('settings/postrider.json is not the file of "Postrider"');
});

test('no name leads out of the folder', () => {
  write('outside.json', { cache: 'big' });
  const inner = join(folder, 'inner');
  expect(() => settingsOfEnvironment({ 'postrider:name': '../outside' }, inner)).toThrow(
    /^Settings to correct .*\n- postrider:name is "\.\.\/outside": write [^\n]*$/,
  );
});
