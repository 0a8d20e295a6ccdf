import { APIGatewayClient, GetAccountCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import {
  DescribeCacheEngineVersionsCommand,
  DescribeServerlessCachesCommand,
  DescribeUserGroupsCommand,
  ElastiCacheClient,
} from '@aws-sdk/client-elasticache';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { recordOf, recordOutput } from '#infra/deployed/record.ts';
import { diagnose } from '#infra/doctor/doctor.ts';
import { readSettings } from '#infra/settings.ts';

/** An AWS account that answers the SDK, in which everything is right until a test breaks something. */
export const account = {
  sts: mockClient(STSClient),
  cloudFormation: mockClient(CloudFormationClient),
  lambda: mockClient(LambdaClient),
  apiGateway: mockClient(APIGatewayClient),
  elastiCache: mockClient(ElastiCacheClient),
};

export const logRole = 'arn:aws:iam::123456789012:role/somebody-else';

export function mend(): void {
  for (const client of Object.values(account)) client.reset();
  account.sts
    .on(GetCallerIdentityCommand)
    .resolves({ Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/me' });
  account.sts
    .on(AssumeRoleCommand)
    .rejects(Object.assign(new Error('not authorized'), { name: 'AccessDenied' }));
  stacksAre(toolkit());
  account.lambda
    .on(GetAccountSettingsCommand)
    .resolves({ AccountLimit: { ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 1_000 } });
  account.apiGateway.on(GetAccountCommand).resolves({});
  account.elastiCache
    .on(DescribeCacheEngineVersionsCommand)
    .resolves({ CacheEngineVersions: [{ EngineVersion: '8.0' }, { EngineVersion: '9.0' }] });
  account.elastiCache.on(DescribeUserGroupsCommand).resolves({ UserGroups: [] });
}

export const toolkit = (version = '30') => stack('CDKToolkit', { outputs: { BootstrapVersion: version } });

interface Described {
  readonly status?: Stack['StackStatus'];
  readonly description?: string;
  readonly outputs?: Readonly<Record<string, string>>;
}

export function stack(name: string, { status, description, outputs = {} }: Described = {}): Stack {
  return {
    StackName: name,
    CreationTime: new Date(0),
    StackStatus: status ?? 'UPDATE_COMPLETE',
    Description: description,
    Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  };
}

/** The two stacks of a deployment that was made with these settings. */
export function deployment(settings: Record<string, unknown>): Stack[] {
  const made = read({ apiGatewayLogRole: 'create', ...settings });
  return [
    stack(`${made.name}-Data`, {
      description: 'Postrider: messages, mailboxes, keys and users',
      outputs: { [recordOutput]: recordOf(made, ['issuer', 'selfSignUp', 'keepData']) },
    }),
    stack(`${made.name}-Messaging`, { outputs: { [recordOutput]: recordOf(made) } }),
  ];
}

/** With the caches that they have made. */
export function stacksAre(...stacks: Stack[]): void {
  account.cloudFormation.on(DescribeStacksCommand).resolves({ Stacks: stacks });
  const ServerlessCaches = stacks.flatMap(({ StackName = '', Outputs = [] }) => {
    const { name, cache } = JSON.parse(
      Outputs.find((one) => one.OutputKey === recordOutput)?.OutputValue ?? '{}',
    );
    if (!StackName.endsWith('-Messaging') || cache === undefined || cache === 'none') return [];
    return [{ ServerlessCacheName: `${String(name).toLowerCase()}-${cache}`, Status: 'available' }];
  });
  account.elastiCache.on(DescribeServerlessCachesCommand).resolves({ ServerlessCaches });
}

export const read = (settings: Record<string, unknown>) =>
  readSettings(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`postrider:${name}`, value])),
  );

/** Nothing that anybody could want to be told. */
export const quiet = { alarmEmail: 'me@example.com', concurrency: 1_000 };

/** Pages of an issuer by their URL. */
export type Web = Readonly<Record<string, unknown>>;

export async function examine(settings: Record<string, unknown> = {}, web: Web = {}) {
  const environment = { AWS_REGION: 'eu-central-1' };
  return await diagnose(read({ ...quiet, ...settings }), {
    environment,
    fetch: async (url) => {
      const page = web[String(url)];
      return page === undefined ? new Response('', { status: 404 }) : Response.json(page);
    },
  });
}
