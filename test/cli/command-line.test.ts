import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { exitCodes } from '../../cli/errors.ts';
import { allOptions } from '../../cli/options.ts';
import { finish } from './support/terminal.ts';

test.for<[string[], string]>([
  [['transmit'], 'There is no command "transmit"'],
  [['send', 'alice'], 'send needs two user ids'],
  [['tail'], 'tail needs a user id'],
  [['tail', 'alice', 'bob'], '"bob" is too much for tail'],
  [['tail', 'ali ce'], '"ali ce" is not a user id'],
  [['chat', 'alice', 'alice'], 'Nobody has a conversation with themselves'],
  [['tail', 'alice', '--id', 'x'], '--id is not an option of tail'],
  [['tail', 'alice', '--cuont', '1'], 'There is no option --cuont.\n'],
  [['tail', 'alice', '-x'], 'There is no option -x.\n'],
  [['tail', 'alice', '--json=1'], '--json takes no value.\n'],
  [
    ['tail', 'alice', '--count'],
    '--count needs a value; one that begins with a dash is written --count=-….\n',
  ],
  [
    ['tail', 'alice', '--token', '-x'],
    '--token needs a value; one that begins with a dash is written --token=-',
  ],
  [
    ['send', 'alice', 'bob', 'hello', '--id', ''],
    '--id must be 1 to 64 printable ASCII characters, and it is "".',
  ],
  [['send', 'alice', 'bob', 'hello', '--id', 'ü'], '--id must be 1 to 64 printable ASCII characters'],
  [['tail', 'alice', '--count', '0'], '--count must be a whole number of 1 or more'],
  [['tail', 'alice', '--timeout', '1.5'], '--timeout must be a whole number'],
  [['history', 'alice', 'bob', '--before', '1', '--after', '2'], 'exclude each other'],
  [['tail', 'alice', '--token', 'a', '--token-command', 'b'], 'exclude each other'],
  [['tail', 'alice', '--url', 'localhost'], 'is not a URL'],
  [['tail', 'alice', '--url', 'https://example.com/v1'], 'is not a WebSocket URL'],
  [['tail', 'alice', '--url', 'ws://example.com/v1'], 'in the clear'],
  [['tail', 'alice', '--url', 'wss://example.com/v1?token=x'], 'a token never belongs into it'],
  [['tail', 'alice', '--url', 'wss://example.com/v1'], 'gives no tokens by itself'],
])('%j is refused before anything is sent', async ([argv, words]) => {
  const { exitCode, out, err } = await finish(argv);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain(words);
  expect(err).toMatch(/^.+\n {2}→ .+\n$/);
});

test("its version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await finish(['--version'])).toMatchObject({ exitCode: 0, out: `${version}\n`, err: '' });
  expect((await finish(['tail', '--version', '--json'])).events()).toEqual([{ type: 'version', version }]);
});

test('a content that cannot be sent is refused without a connection', async () => {
  const { exitCode, err } = await finish(['send', 'alice', 'bob', '--url', 'ws://127.0.0.1:9/local']);
  expect(exitCode).toBe(1);
  expect(err).toContain('"content" must not be empty.');
});

test('with --json an error is an object', async () => {
  const { err } = await finish(['transmit', '--json']);
  expect(JSON.parse(err)).toEqual({
    type: 'error',
    code: 'usage',
    message: 'There is no command "transmit".',
    remedy: expect.stringContaining('chat, send, tail'),
  });
});

test('without a command it helps, and is no success', async () => {
  const { exitCode, out, err } = await finish([]);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  for (const { name, usage } of commands) expect(err).toContain(`${name} ${usage}`);
});

test('help is a success, of all and of each command with its options', async () => {
  const all = await finish(['--help']);
  expect(all).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('Exit codes:') });
  expect((await finish(['help'])).out).toBe(all.out);
  for (const { name, options, examples } of commands) {
    const { exitCode, out } = await finish(['help', name]);
    expect(exitCode).toBe(0);
    expect((await finish([name, '-h'])).out).toBe(out);
    for (const option of options) expect(out).toContain(`--${option}`);
    expect(examples.length).toBeGreaterThan(0);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  }
});

test('the page about the terminal names every command and exit code, and no option that there is not', async () => {
  const { out } = await finish(['help']);
  const page = readFileSync(new URL('../../docs/terminal.md', import.meta.url), 'utf8');
  for (const { name, usage } of commands) expect(page).toContain(`\`${name} ${usage}\``);
  for (const code of Object.values(exitCodes)) {
    expect(page).toContain(`\n| ${code} | `);
    expect(out).toMatch(RegExp(`[:·] ${code} `));
  }
  for (const [, option = ''] of page.matchAll(/ --([a-z-]+)/g))
    expect([...Object.keys(allOptions), 'silent', '']).toContain(option);
});
