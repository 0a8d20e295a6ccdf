import { GetAccountCommand } from '@aws-sdk/client-api-gateway';
import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeCacheEngineVersionsCommand,
  DescribeServerlessCachesCommand,
  DescribeUserGroupsCommand,
} from '@aws-sdk/client-elasticache';
import { GetAccountSettingsCommand } from '@aws-sdk/client-lambda';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, test } from 'vitest';
import { diagnose, isReady } from '#infra/doctor/doctor.ts';
import type { Finding } from '#infra/doctor/findings.ts';
import {
  account,
  deployment,
  examine,
  logRole,
  mend,
  quiet,
  read,
  stack,
  stacksAre,
  toolkit,
} from './account.ts';

beforeEach(mend);

const failure = (name: string, message = name) => Object.assign(new Error(message), { name });
const notFine = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'fine');
/** The one thing that is wrong. */
async function wrong(settings: Record<string, unknown> = {}, web = {}): Promise<Finding> {
  const [finding, ...others] = notFine((await examine(settings, web)).findings);
  expect(others).toEqual([]);
  return finding ?? expect.fail('nothing is wrong');
}

test('an account in which all is right has nothing to say, and every kind of thing was looked at', async () => {
  const { findings, settings } = await examine();
  expect(notFine(findings)).toEqual([]);
  expect(new Set(findings.map(({ check }) => check))).toEqual(
    new Set(['credentials', 'issuer', 'bootstrap', 'name', 'concurrency', 'cache', 'log role', 'alarms']),
  );
  expect(isReady(findings, [])).toBe(true);
  expect(settings.apiGatewayLogRole).toBe('create');
});

test('nothing is asked that could change anything', async () => {
  stacksAre(toolkit(), ...deployment(quiet));
  await examine();
  const asked = Object.values(account).flatMap((client) =>
    client.calls().map(({ args: [command] }) => command.constructor.name),
  );
  expect(asked.length).toBeGreaterThan(6);
  expect(asked.filter((name) => !/^(Get|Describe)|^AssumeRoleCommand$/.test(name))).toEqual([]);
});

describe('credentials', () => {
  test.each([
    ['CredentialsProviderError', 'This shell has no AWS credentials.', 'aws configure sso'],
    ['ExpiredToken', 'have expired', 'aws sso login'],
    ['TokenProviderError', 'has expired or is missing', 'aws sso login'],
    ['InvalidClientTokenId', 'does not know the access key', 'AWS_ACCESS_KEY_ID'],
    ['SignatureDoesNotMatch', 'clock', '`date`'],
    ['SomethingElse', 'SomethingElse', 'aws sts get-caller-identity'],
  ])('%s is told in plain words, and nothing else is asked', async (name, says, todo) => {
    account.sts.on(GetCallerIdentityCommand).rejects(failure(name));
    const { findings, place } = await examine();
    expect(findings).toEqual([
      expect.objectContaining({ check: 'credentials', level: 'stops', says: expect.stringContaining(says) }),
    ]);
    expect(findings[0]?.todo).toContain(todo);
    expect(place).toBeUndefined();
    expect(account.cloudFormation.calls()).toEqual([]);
  });

  test('those of the CDK’s role for looking are used where they can be had', async () => {
    account.sts.on(AssumeRoleCommand).resolves({
      Credentials: { AccessKeyId: 'a', SecretAccessKey: 's', SessionToken: 't', Expiration: new Date() },
    });
    expect((await examine()).place?.credentials).toEqual({
      accessKeyId: 'a',
      secretAccessKey: 's',
      sessionToken: 't',
    });
    const [call] = account.sts.commandCalls(AssumeRoleCommand);
    expect(call?.args[0].input.RoleArn).toBe(
      'arn:aws:iam::123456789012:role/cdk-hnb659fds-lookup-role-123456789012-eu-central-1',
    );
  });

  test('of another account or region than the environment’s are refused', async () => {
    expect(await wrong({ account: '210987654321' })).toMatchObject({ check: 'account', level: 'stops' });
    expect(await wrong({ region: 'us-east-1' })).toMatchObject({
      check: 'region',
      todo: 'export AWS_REGION=us-east-1',
    });
  });
});

test('a region is needed, because the CDK would take one by itself', async () => {
  const before = { ...process.env };
  try {
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) delete process.env[name];
    process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = '/nonexistent';
    const { findings } = await diagnose(read({}), { environment: {}, fetch });
    expect(findings).toEqual([expect.objectContaining({ check: 'region', level: 'stops' })]);
  } finally {
    process.env = before;
  }
});

describe('the CDK’s own stack', () => {
  test('is missing', async () => {
    stacksAre();
    expect(await wrong()).toMatchObject({
      check: 'bootstrap',
      level: 'stops',
      says: 'The CDK has not been prepared in this account and region.',
      todo: 'Run npx cdk bootstrap aws://123456789012/eu-central-1',
    });
  });

  test('is too old', async () => {
    stacksAre(toolkit('5'));
    expect(await wrong()).toMatchObject({ check: 'bootstrap', level: 'stops' });
  });
});

describe('names', () => {
  test('that differ in case alone collide', async () => {
    stacksAre(toolkit(), ...deployment({ ...quiet, name: 'postrider', cache: 'none' }));
    expect(await wrong()).toMatchObject({
      check: 'name',
      level: 'stops',
      todo: expect.stringContaining('postrider:name=postrider'),
    });
  });

  test('that were never deployed, beside others that were, have to be meant', async () => {
    stacksAre(toolkit(), ...deployment({ ...quiet, name: 'Staging' }));
    const { findings } = await examine();
    expect(notFine(findings)).toEqual([
      expect.objectContaining({ check: 'name', level: 'changes', setting: 'name' }),
    ]);
    expect(isReady(findings, [])).toBe(false);
    expect(isReady(findings, ['name'])).toBe(true);
  });
});

describe('settings that are not those which are deployed', () => {
  const issuer = 'https://login.example.com';
  const own = { issuer, audience: ['web', 'android'] };
  const keys = { [`${issuer}/.well-known/jwks.json`]: { keys: [] } };

  test('are fine where nothing changes', async () => {
    stacksAre(toolkit(), ...deployment({ ...quiet, ...own }));
    expect(notFine((await examine(own, keys)).findings)).toEqual([]);
  });

  test('a forgotten issuer is refused, until each change is agreed to by name', async () => {
    stacksAre(toolkit(), ...deployment({ ...quiet, ...own }));
    const { findings } = await examine();
    expect(notFine(findings).map(({ level, setting }) => [level, setting])).toEqual([
      ['changes', 'audience'],
      ['changes', 'issuer'],
    ]);
    expect(notFine(findings)[1]?.says).toContain(
      'issuer is "https://login.example.com" in Postrider-Messaging, and would become not set',
    );
    expect(isReady(findings, ['issuer'])).toBe(false);
    expect(isReady(findings, ['issuer', 'audience'])).toBe(true);
  });

  test.each([
    [
      'domainName',
      {
        domainName: 'chat.example.com',
        certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/a',
      },
    ],
    ['cache', { cache: 'vpc' }],
    ['epoch', { epoch: '2' }],
    ['keepData', { keepData: false }],
    ['tokenScope', { ...own, tokenScope: 'messages' }],
    ['audience', { ...own, audience: ['web'] }],
    ['jwksUri', { ...own, jwksUri: 'https://elsewhere.example.com' }],
  ])('%s may not change by being forgotten', async (setting, settings) => {
    stacksAre(toolkit(), ...deployment({ ...quiet, ...settings }));
    const without: Record<string, unknown> = 'issuer' in settings ? own : {};
    const { findings } = await examine(without, keys);
    expect(
      notFine(findings)
        .filter(({ level }) => level === 'changes')
        .map((one) => one.setting),
    ).toEqual([setting]);
  });

  test('other settings that change are told, and nobody is held up', async () => {
    stacksAre(toolkit(), ...deployment({ ...quiet, logLevel: 'DEBUG' }));
    const finding = await wrong();
    expect(finding).toMatchObject({ check: 'settings', level: 'surprises' });
    expect(finding.says).toBe('logLevel is "DEBUG" in Postrider-Messaging, and would become "INFO".');
  });

  test('the data outlive the service, and its issuer still counts', async () => {
    const [data = expect.fail()] = deployment({ ...quiet, ...own });
    stacksAre(toolkit(), data);
    expect(await wrong()).toMatchObject({ level: 'changes', setting: 'issuer' });
  });

  test('a stack that tells nothing is not deployed over', async () => {
    stacksAre(toolkit(), stack('Postrider-Messaging'));
    expect(await wrong()).toMatchObject({ check: 'settings', level: 'stops' });
  });

  test('a stack that never came to be is nothing', async () => {
    stacksAre(toolkit(), stack('Postrider-Messaging', { status: 'ROLLBACK_COMPLETE' }));
    expect(notFine((await examine()).findings)).toEqual([]);
  });

  test('nothing is deployed where nobody can see what is there', async () => {
    account.cloudFormation.on(DescribeStacksCommand).rejects(failure('AccessDenied'));
    expect(await wrong()).toMatchObject({
      level: 'stops',
      todo: expect.stringContaining('cloudformation:DescribeStacks'),
    });
  });
});

test.each(['UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_FAILED', 'DELETE_FAILED'] as const)(
  'a stack that is %s is not deployed into',
  async (status) => {
    const [data = expect.fail(), messaging = expect.fail()] = deployment(quiet);
    stacksAre(toolkit(), data, { ...messaging, StackStatus: status });
    expect(await wrong()).toMatchObject({ check: 'state', level: 'stops' });
  },
);

describe('Lambda’s concurrency', () => {
  const quotaIs = (ConcurrentExecutions: number, UnreservedConcurrentExecutions = ConcurrentExecutions) =>
    account.lambda
      .on(GetAccountSettingsCommand)
      .resolves({ AccountLimit: { ConcurrentExecutions, UnreservedConcurrentExecutions } });

  test('of a new account is told, with the command that asks for more', async () => {
    quotaIs(10);
    const finding = await wrong({ concurrency: 10 });
    expect(finding).toMatchObject({ check: 'concurrency', level: 'surprises' });
    expect(finding.says).toContain('no more than 10');
    expect(finding.todo).toContain('request-service-quota-increase');
  });

  test('cannot be more than the account has', async () => {
    quotaIs(10);
    expect(await wrong()).toMatchObject({
      check: 'concurrency',
      level: 'stops',
      says: expect.stringContaining('1000'),
    });
  });

  test('cannot be reserved where others have reserved it', async () => {
    quotaIs(1_000, 550);
    expect(await wrong()).toMatchObject({ check: 'concurrency', level: 'stops' });
  });

  test('that is reserved already is ours', async () => {
    quotaIs(1_000, 500);
    stacksAre(toolkit(), ...deployment(quiet));
    expect(notFine((await examine()).findings)).toEqual([]);
  });

  test('is all taken by a flood where nothing is set', async () => {
    expect(await wrong({ concurrency: '' })).toMatchObject({
      level: 'surprises',
      todo: expect.stringContaining('1000'),
    });
  });
});

describe('the role for API Gateway’s logs', () => {
  const roleIs = (cloudwatchRoleArn: string) =>
    account.apiGateway.on(GetAccountCommand).resolves({ cloudwatchRoleArn });

  test('of the account is used as it is', async () => {
    roleIs(logRole);
    const { findings, settings } = await examine();
    expect(notFine(findings)).toEqual([]);
    expect(settings.apiGatewayLogRole).toBe('exists');
  });

  test('is not overwritten, unless that is meant', async () => {
    roleIs(logRole);
    expect(await wrong({ apiGatewayLogRole: 'create' })).toMatchObject({
      level: 'changes',
      setting: 'apiGatewayLogRole',
    });
  });

  test('stays ours once it is, whatever the settings leave open', async () => {
    roleIs('arn:aws:iam::123456789012:role/Postrider-Messaging-MessagingLogRole');
    stacksAre(toolkit(), ...deployment(quiet));
    const { findings, settings } = await examine();
    expect(notFine(findings)).toEqual([]);
    expect(settings.apiGatewayLogRole).toBe('create');
  });

  test('does not exist although the settings say so', async () => {
    expect(await wrong({ apiGatewayLogRole: 'exists' })).toMatchObject({ check: 'log role', level: 'stops' });
  });

  test('is left alone where it cannot be looked up', async () => {
    account.apiGateway.on(GetAccountCommand).rejects(failure('AccessDeniedException'));
    const { findings, settings } = await examine();
    expect(notFine(findings)).toEqual([
      expect.objectContaining({ level: 'surprises', todo: expect.stringContaining('apigateway:GET') }),
    ]);
    expect(settings.apiGatewayLogRole).toBe('exists');
  });
});

describe('the cache', () => {
  test('is not to be had in this region', async () => {
    account.elastiCache
      .on(DescribeCacheEngineVersionsCommand)
      .resolves({ CacheEngineVersions: [{ EngineVersion: '8.0' }] });
    expect(await wrong()).toMatchObject({
      check: 'cache',
      level: 'stops',
      says: expect.stringContaining('only 8.0'),
    });
    expect(notFine((await examine({ cache: 'none' })).findings)).toEqual([]);
  });

  test('nor where the service does not exist', async () => {
    account.elastiCache
      .on(DescribeCacheEngineVersionsCommand)
      .rejects(Object.assign(failure('Error'), { code: 'ENOTFOUND' }));
    expect(await wrong()).toMatchObject({
      check: 'cache',
      level: 'stops',
      todo: expect.stringContaining('"none"'),
    });
  });

  test('has a name that is taken', async () => {
    account.elastiCache
      .on(DescribeServerlessCachesCommand)
      .resolves({ ServerlessCaches: [{ ServerlessCacheName: 'postrider-public', Status: 'available' }] });
    expect(await wrong()).toMatchObject({ check: 'cache', level: 'stops' });
    stacksAre(toolkit(), ...deployment(quiet));
    expect(notFine((await examine()).findings)).toEqual([]);
  });

  test('has a user group whose name is taken', async () => {
    account.elastiCache
      .on(DescribeUserGroupsCommand)
      .resolves({ UserGroups: [{ UserGroupId: 'postrider-cache' }] });
    expect(await wrong()).toMatchObject({
      check: 'cache',
      level: 'stops',
      says: expect.stringContaining('user group'),
    });
  });

  test('is gone', async () => {
    stacksAre(toolkit(), ...deployment(quiet));
    account.elastiCache.on(DescribeServerlessCachesCommand).resolves({ ServerlessCaches: [] });
    expect(await wrong()).toMatchObject({
      check: 'cache',
      level: 'surprises',
      says: expect.stringContaining('is gone'),
    });
  });
});

describe('the issuer', () => {
  const issuer = 'https://login.microsoftonline.com/tenant/v2.0';
  const own = { issuer, audience: 'app' };
  const configuration = `${issuer}/.well-known/openid-configuration`;
  const jwks_uri = 'https://login.microsoftonline.com/tenant/discovery/v2.0/keys';

  test('has its keys elsewhere, and its configuration says where', async () => {
    const finding = await wrong(own, { [configuration]: { issuer, jwks_uri } });
    expect(finding).toMatchObject({
      check: 'issuer',
      level: 'stops',
      todo: expect.stringContaining(`Set jwksUri to ${jwks_uri}`),
    });
    const right = await examine(
      { ...own, jwksUri: jwks_uri },
      { [configuration]: { issuer, jwks_uri }, [jwks_uri]: { keys: [] } },
    );
    expect(notFine(right.findings)).toEqual([]);
  });

  test('calls itself by another name', async () => {
    const web = { [configuration]: { issuer: `${issuer}/`, jwks_uri }, [jwks_uri]: { keys: [] } };
    expect(await wrong({ ...own, jwksUri: jwks_uri }, web)).toMatchObject({
      level: 'stops',
      todo: expect.stringContaining(`${issuer}/`),
    });
  });

  test('does not answer', async () => {
    expect(await wrong(own)).toMatchObject({
      check: 'issuer',
      level: 'surprises',
      says: expect.stringContaining('HTTP 404'),
    });
  });
});

test('a certificate of another region cannot serve the API', async () => {
  const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/a';
  expect(await wrong({ domainName: 'chat.example.com', certificateArn })).toMatchObject({
    check: 'certificate',
    level: 'stops',
  });
});

test('alarms that nobody hears are told of', async () => {
  expect(await wrong({ alarmEmail: '' })).toMatchObject({ check: 'alarms', level: 'surprises' });
});
