import { expect, test } from 'vitest';
import { cdkRuns } from '#infra/commands/cdk-runs.ts';
import { readDeployArguments } from '#infra/commands/deploy-arguments.ts';
import { assignmentsOf, readEnvironment } from '#infra/commands/environment.ts';
import { readSettings } from '#infra/settings.ts';

test('what is ours is taken out, in either way of writing it, and the rest goes to the CDK in its order', () => {
  const args = [
    '--require-approval',
    'never',
    '-c',
    'postrider:cache=none',
    '--context=a=b=c',
    '--change=issuer',
  ];
  expect(readDeployArguments([...args, '--change', 'cache', '--profile', 'team', '--hotswap'])).toEqual({
    context: ['postrider:cache=none', 'a=b=c'],
    agreed: ['issuer', 'cache'],
    profile: 'team',
    diff: false,
    rest: ['--require-approval', 'never', '--hotswap'],
  });
  expect(readDeployArguments(['--diff', '--strict'])).toMatchObject({ diff: true, rest: ['--strict'] });
});

test('the CDK gets every setting as it was looked at, those that were left out included', () => {
  const settings = readEnvironment([
    'postrider:issuer=https://login.example.com/?a=b'.replace('?a=b', ''),
    'postrider:audience=["web","android"]',
    'postrider:rateLimits={"messagesPerUser":{"burst":60}}',
    'postrider:keepData=false',
  ]);
  const assignments = assignmentsOf(settings).filter((arg) => arg !== '-c');
  expect(assignments).toContain('postrider:domainName=');
  const context = Object.fromEntries(assignments.map((arg) => arg.split(/=(.*)/s, 2)));
  expect(readSettings(context)).toEqual(settings);
});

test('an assignment that is none is refused', () => {
  expect(() => readEnvironment(['postrider:cache'])).toThrow('-c takes key=value, not "postrider:cache".');
});

test('from the user pool to an issuer the service goes first, and alone', () => {
  const settings = readSettings({
    'postrider:issuer': 'https://login.example.com',
    'postrider:audience': 'chat',
  });
  const all = ['deploy', '--all', '--ci'];
  const runs = (deployed?: Record<string, unknown>) =>
    cdkRuns({ settings, ...(deployed && { deployed }) }, { diff: false, rest: ['--ci'] });
  expect(runs({})).toEqual([['deploy', 'Postrider-Messaging', '--exclusively', '--ci'], all]);
  expect(runs({ issuer: 'https://login.example.com' })).toEqual([all]);
  expect(runs()).toEqual([all]);
});
