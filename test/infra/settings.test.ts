import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readSettings, settingNames } from '#infra/settings.ts';

const read = (settings: Record<string, unknown>) =>
  readSettings(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`postrider:${name}`, value])),
  );

test('without any, everything has a default and nobody else is trusted', () => {
  const settings = readSettings({});
  expect(settings).toMatchObject({ name: 'Postrider', cache: 'public', keepData: true });
  expect(settings.issuer).toBeUndefined();
});

test('the command line says the same as cdk.json, in strings', () => {
  expect(read({ keepData: 'false', logRetentionDays: '7', requestsPerSecond: '50' })).toEqual(
    read({ keepData: false, logRetentionDays: 7, requestsPerSecond: 50 }),
  );
});

test('an empty value means the default', () => {
  expect(read({ issuer: '', cache: '' })).toEqual(readSettings({}));
});

test.each([
  ['name', '9lives', 'a letter, then letters'],
  ['name', 'two--hyphens', 'single hyphens'],
  ['name', 'at-the-end-', 'single hyphens'],
  ['name', 'a-name-of-21-letters-', '20 at most'],
  ['cache', 'pubic', 'one of "public", "vpc", "none"'],
  ['issuer', 'http://login.example.com', 'https URL'],
  ['issuer', 'login.example.com', 'https URL'],
  ['issuer', 'https://', 'https URL'],
  ['audience', '["web-client"', 'the `aud` of your tokens'],
  ['account', '1234', '12 digits'],
  ['region', 'Frankfurt', 'a region such as'],
  ['concurrency', 9, 'a whole number from 10'],
  ['warmReadsPerSecond', 11_999, 'a whole number from 12000'],
  ['warmWritesPerSecond', 3_999, 'a whole number from 4000'],
  ['jwksUri', 'ftp://keys', 'an https URL'],
  ['audience', 'web,,android', 'the `aud` of your tokens'],
  ['audience', 'web,', 'the `aud` of your tokens'],
  ['audience', 'my app', 'the `aud` of your tokens'],
  ['audience', [], 'the `aud` of your tokens'],
  ['audience', ['web', 'ios,android'], 'the `aud` of your tokens'],
  ['audience', ['web', 7], 'the `aud` of your tokens'],
  ['audience', 'x'.repeat(257), 'the `aud` of your tokens'],
  ['audience', Array(5).fill('x'.repeat(250)), 'the `aud` of your tokens'],
  ['issuerKeysHours', 0, 'a whole number from 1 to 168'],
  ['issuerKeysHours', 169, 'a whole number from 1 to 168'],
  ['tokenScope', 'two scopes', 'one scope'],
  ['epoch', 'two words', 'letters, digits'],
  ['epoch', 'e'.repeat(65), 'not used before'],
  ['selfSignUp', 'yes', 'true or false'],
  ['keepData', 1, 'true or false'],
  ['cacheMaxGigabytes', 0, 'a whole number from 1 to 5000'],
  ['requestsPerSecond', 1.5, 'a whole number from 1'],
  ['requestBurst', '-1', 'a whole number from 1'],
  ['dataKeyHours', 'often', 'a whole number from 1'],
  ['logRetentionDays', 8, 'one of 1, 3, 5, 7'],
  ['logLevel', 'verbose', 'one of "DEBUG"'],
  ['domainName', 'Chat.Example.com', 'a host name in small letters'],
  ['certificateArn', 'my-certificate', 'the ARN of an ACM certificate'],
  ['alarmEmail', 'me', 'an e-mail address'],
  ['apiGatewayLogRole', 'maybe', 'one of "create", "exists"'],
  ['rateLimits', '{"messagesPerUser":{"burst":0}}', 'messagesPerUser.burst'],
  ['rateLimits', { nonsense: {} }, 'there is no limit "nonsense"'],
  ['trustedNetworks', '203.0.113.0', 'is no network'],
  ['trustedNetworks', ['203.0.113.0/24'], 'networks separated by commas'],
])('a wrong %s (%j) fails and says what to write', (name, value, remedy) => {
  expect(() => read({ [name]: value })).toThrow(`postrider:${name} is ${JSON.stringify(value)}: write `);
  expect(() => read({ [name]: value })).toThrow(remedy);
});

test.each([
  ['web', ['web']],
  ['web,android', ['web', 'android']],
  ['web, android', ['web', 'android']],
  ['["web","android"]', ['web', 'android']],
  [
    ['web', 'https://api.example.com/'],
    ['web', 'https://api.example.com/'],
  ],
])('the audience %j is %j', (audience, names) => {
  expect(read({ issuer: 'https://login.example.com', audience }).audience).toEqual(names);
});

test('everything that is wrong is said at once', () => {
  expect(() => read({ cache: 'x', logLevel: 'y' })).toThrow(/postrider:cache .*\n.*postrider:logLevel/);
});

test('a setting that does not exist is refused, and those that do are named', () => {
  expect(() => read({ cahce: 'none' })).toThrow(/no setting "postrider:cahce".*cache/);
});

test('a setting without its prefix is not swallowed', () => {
  expect(() => readSettings({ cache: 'none' })).toThrow('write "postrider:cache"');
});

test("other tools' context is left alone", () => {
  expect(() =>
    readSettings({ '@aws-cdk/core:x': true, 'cli-telemetry': false, 'aws:cdk:y': 1 }),
  ).not.toThrow();
});

test.each([
  [{ issuer: 'https://login.example.com' }, 'postrider:issuer needs postrider:audience'],
  [{ audience: 'app' }, 'go with postrider:issuer'],
  [{ jwksUri: 'https://login.example.com/keys' }, 'go with postrider:issuer'],
  [
    { tokenScope: 'messages' },
    'postrider:tokenScope goes with postrider:issuer: the ID tokens of the Cognito pool have no scope, and nobody could connect. Write both, or leave postrider:tokenScope out.',
  ],
  [{ domainName: 'chat.example.com' }, 'go together'],
  [{ issuer: 'https://login.example.com', audience: 'app', selfSignUp: true }, 'leave one of them out'],
])('%j is right alone and wrong together', (settings, remedy) => {
  expect(() => read(settings)).toThrow(remedy);
});

test('docs/deploy.md explains every setting', () => {
  const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  expect(settingNames.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});

test('the app ends with the sentences alone, and no stack', () => {
  const app = fileURLToPath(new URL('../../infra/app.ts', import.meta.url));
  const context = { 'postrider:cache': 'big' };
  const { status, stderr } = spawnSync(process.execPath, [app], {
    env: { ...process.env, CDK_CONTEXT_JSON: JSON.stringify(context) },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^Settings to correct \(see docs\/deploy\.md\):\n- postrider:cache is "big": write .+\.\n$/,
  );
}, 120_000);
