import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type Finding, type Looked, stops } from './findings.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a deployment would go. */
export interface Place {
  readonly account: string;
  readonly region: string;
  /** `aws`, `aws-cn`, … */
  readonly partition: string;
  /** Those of the CDK's own role for looking, if it may be assumed. Absent: what the shell has. */
  readonly credentials?: Credentials;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The account and region that the shell's credentials lead to, or why there are none. */
export async function findPlace(environment: Environment): Promise<Looked<Place>> {
  const region = await findRegion(environment);
  if (region === undefined)
    return {
      finding: stops(
        'region',
        'No region is set; the CDK would take us-east-1 without a word.',
        'Set AWS_REGION, or `aws configure set region eu-central-1`.',
      ),
    };
  const sts = new STSClient({ region });
  try {
    const { Account: account, Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
    if (account === undefined)
      return { finding: stops('credentials', 'AWS did not say whose they are.', howToGetSome) };
    const partition = Arn.split(':')[1] ?? 'aws';
    const credentials = await assumeLookupRole(sts, { account, region, partition });
    return { value: { account, region, partition, ...(credentials && { credentials }) } };
  } catch (error) {
    return { finding: whyNone(error, region) };
  }
}

/** In the order of the CDK, so that both go to the same one. */
async function findRegion(environment: Environment): Promise<string | undefined> {
  const { AWS_REGION, AMAZON_REGION, AWS_DEFAULT_REGION, AMAZON_DEFAULT_REGION } = environment;
  const named = AWS_REGION || AMAZON_REGION || AWS_DEFAULT_REGION || AMAZON_DEFAULT_REGION;
  if (named) return named;
  try {
    return await new STSClient({}).config.region();
  } catch {
    return undefined;
  }
}

/** The CDK's bootstrap makes a role that may read everything, so whoever may deploy needs no further right to look. */
async function assumeLookupRole(
  sts: STSClient,
  { account, region, partition }: Omit<Place, 'credentials'>,
): Promise<Credentials | undefined> {
  const RoleArn = `arn:${partition}:iam::${account}:role/cdk-hnb659fds-lookup-role-${account}-${region}`;
  try {
    const assumed = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'postrider-doctor' }));
    const { AccessKeyId, SecretAccessKey, SessionToken } = assumed.Credentials ?? {};
    if (AccessKeyId === undefined || SecretAccessKey === undefined) return undefined;
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(SessionToken !== undefined && { sessionToken: SessionToken }),
    };
  } catch {
    return undefined;
  }
}

const howToGetSome =
  'With IAM Identity Center: `aws configure sso`, then `aws sso login` and `export AWS_PROFILE=…`. Otherwise `aws login`, or `aws configure` with an access key. Then `aws sts get-caller-identity` must answer. docs/deploy.md tells which rights they need.';

/** By the name of the SDK's error: what is wrong with the credentials, and what to do. */
const faults: Readonly<Record<string, readonly [says: string, todo: string]>> = {
  CredentialsProviderError: ['This shell has no AWS credentials.', howToGetSome],
  TokenProviderError: ['The sign-in of this profile has expired or is missing.', 'Run `aws sso login`.'],
  ExpiredToken: ['The credentials have expired.', 'Sign in again: `aws sso login`, or new keys.'],
  ExpiredTokenException: ['The credentials have expired.', 'Sign in again: `aws sso login`, or new keys.'],
  InvalidClientTokenId: [
    'AWS does not know the access key here: it is wrong or deleted, or the region is not enabled in the account.',
    'Look at AWS_ACCESS_KEY_ID or the profile, and whether the account has the region enabled.',
  ],
  UnrecognizedClientException: [
    'AWS does not know the access key here: it is wrong or deleted, or the region is not enabled in the account.',
    'Look at AWS_ACCESS_KEY_ID or the profile, and whether the account has the region enabled.',
  ],
  SignatureDoesNotMatch: [
    'The secret key does not belong to the access key, or this machine’s clock is wrong.',
    'Look at both, and at `date`.',
  ],
  ENOTFOUND: [
    'AWS cannot be reached: its name is not found.',
    'Look at the network, and whether the region is spelt right.',
  ],
};

function whyNone(error: unknown, region: string): Finding {
  const { name, code, message } = describe(error);
  const [says, todo] = faults[name] ??
    faults[code] ?? [
      `AWS did not say whose credentials these are (${name}: ${message}).`,
      '`aws sts get-caller-identity` must answer first.',
    ];
  return stops('credentials', says, `${todo} (Asked in ${region}.)`);
}

export function describe(error: unknown): { name: string; code: string; message: string } {
  if (!(error instanceof Error)) return { name: 'Error', code: '', message: String(error) };
  const code = 'code' in error ? String(error.code) : '';
  return { name: error.name, code, message: error.message };
}
