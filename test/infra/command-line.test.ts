import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

async function run(script: string, ...args: string[]) {
  const file = (scripts[script] ?? '').replace(/^node /, '');
  return await promisify(execFile)(process.execPath, [file, ...args], { cwd: root }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout: String(stdout), stderr: String(stderr) }),
  );
}

test.for([
  'fuzz',
  'cost',
  'doctor',
  'bench:history',
  'bench:memory',
  'bench:resume',
  'bench:send',
  'simulate',
  'simulate:mutate',
])('npm run %s explains itself, and refuses what it does not know', { timeout: 120_000 }, async (script) => {
  const helped = await run(script, '--help');
  expect(helped).toMatchObject({ code: 0, stderr: '' });
  expect(helped.stdout).toMatch(RegExp(`^npm run ${script}\\s`));
  expect(await run(script, '-h')).toEqual(helped);
  const refused = await run(script, '--nonsense');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toBe('There is no option --nonsense. All options: --help\n');
});

test.for<[string, string[], string]>([
  ['fuzz', ['--seconds', '0'], '--seconds is a number above 0, not "0".'],
  ['fuzz', ['--seconds', 'long'], '--seconds is a number above 0, not "long".'],
  ['fuzz', ['--seed', ''], '--seed is a whole number from 0 to 4294967295, not "".'],
  [
    'cost',
    ['--users', '-1'],
    '--users needs a value; one that begins with a dash is written --users=-…. All options: --help\n',
  ],
  ['cost', ['--users'], '--users needs a value; one that begins with a dash is written --users=-….'],
  ['simulate', ['--first=1'], '--first takes no value.'],
  ['bench:send', ['10, 20'], '"10, 20" is too much: there are options alone.'],
  ['fuzz', ['--target', 'frames'], 'There is no target "frames"; there are address, '],
  ['doctor', ['--change', 'isuer'], 'There is no setting "isuer" to change'],
  ['deploy', ['--change'], '--change needs a value.'],
  [
    'deploy',
    ['-cpostrider:cache=none'],
    '"-cpostrider:cache=none" sets nothing: write -c postrider:NAME=VALUE.',
  ],
  ['cost', ['--users', 'many'], '--users is "many": write a number from 0'],
  ['bench:history', ['--events', '10'], '--events is a whole number from 1000 to 100000000, not "10".'],
])(
  'npm run %s with %j is told in a line what is wrong',
  { timeout: 60_000 },
  async ([script, args, message]) => {
    const refused = await run(script, ...args);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^.+\n$/);
    expect(refused.stderr).toContain(message);
  },
);
