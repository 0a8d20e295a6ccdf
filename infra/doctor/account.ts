import { type APIGatewayClient, GetAccountCommand } from '@aws-sdk/client-api-gateway';
import { GetAccountSettingsCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { reservations, unreservable } from '../concurrency.ts';
import type { Settings } from '../settings.ts';
import { changes, type Finding, fine, stops, surprises } from './findings.ts';
import type { Place } from './place.ts';

type Deployed = Readonly<Record<string, unknown>> | undefined;

export function* checkPlace({ account, region }: Place, settings: Settings): Generator<Finding> {
  if (settings.account !== undefined && settings.account !== account)
    yield stops(
      'account',
      `The credentials are those of the account ${account}; "${settings.name}" belongs to ${settings.account}.`,
      'Choose the right profile: export AWS_PROFILE=…',
    );
  if (settings.region !== undefined && settings.region !== region)
    yield stops(
      'region',
      `The region is ${region}; "${settings.name}" belongs to ${settings.region}.`,
      `export AWS_REGION=${settings.region}`,
    );
  const [certificateRegion, certificateAccount] = (settings.certificateArn ?? '').split(':').slice(3, 5);
  if (certificateRegion !== undefined && (certificateRegion !== region || certificateAccount !== account))
    yield stops(
      'certificate',
      `The certificate is in ${certificateRegion} of the account ${certificateAccount}; the API will be in ${region} of ${account}.`,
      'Make one in ACM there, and set certificateArn to it.',
    );
}

const raise = (to: number) =>
  `aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value ${to}`;

/** Below this nothing can be reserved: half of it has to remain. */
const roomy = 2 * unreservable;

export async function checkConcurrency(
  client: LambdaClient,
  { concurrency }: Settings,
  deployed: Deployed,
): Promise<Finding[]> {
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  const { ConcurrentExecutions: quota = 0, UnreservedConcurrentExecutions: unreserved = quota } =
    AccountLimit ?? {};
  if (concurrency !== undefined && concurrency > quota)
    return [
      stops(
        'concurrency',
        `concurrency is ${concurrency}, and Lambda runs no more than ${quota} functions at a time in this account and region.`,
        `Set concurrency to ${quota} at most, or ask for more: ${raise(concurrency)}`,
      ),
    ];
  const ours = total(deployed?.concurrency);
  const wanted = total(concurrency);
  if (wanted > 0 && unreserved + ours - wanted < unreservable)
    return [
      stops(
        'concurrency',
        `concurrency would reserve ${wanted} executions at a time; other functions of the account have reserved so much that ${unreserved + ours} are left, of which ${unreservable} have to remain.`,
        `Set concurrency lower, or ask for more: ${raise(quota + wanted)}`,
      ),
    ];
  if (quota < roomy)
    return [
      surprises(
        'concurrency',
        `Lambda runs no more than ${quota} functions at a time in this account and region; frames and handshakes beyond are refused, and nothing can be reserved for send.`,
        `Ask for more before users come: ${raise(1_000)}${concurrency === undefined ? `; until then set concurrency to ${quota}, which keeps the queue from taking it all.` : ''}`,
      ),
    ];
  if (concurrency === undefined)
    return [
      surprises(
        'concurrency',
        `Lambda runs ${quota} functions at a time here, and nothing keeps a flood of reconnect or sync from taking all of them.`,
        `Set concurrency to ${quota}, or to this deployment’s share of it.`,
      ),
    ];
  return [fine('concurrency', `Lambda runs ${quota} functions at a time here; ${wanted} are reserved.`)];
}

function total(concurrency: unknown): number {
  const each = Object.values(reservations(typeof concurrency === 'number' ? concurrency : undefined));
  return each.reduce((sum, one) => sum + one, 0);
}

export interface LogRole {
  readonly findings: Finding[];
  readonly setting: 'create' | 'exists';
}

/** One for the account and region. Whoever sets another one takes away the logs of other APIs, or their access. */
export async function checkLogRole(
  client: APIGatewayClient,
  { apiGatewayLogRole: setting }: Settings,
  deployed: Deployed,
): Promise<LogRole> {
  const { cloudwatchRoleArn: found } = await client.send(new GetAccountCommand({}));
  const isOurs = deployed?.apiGatewayLogRole === 'create';
  const none = found === undefined || found === '';
  if (setting === 'exists' && none)
    return {
      setting,
      findings: [
        stops(
          'log role',
          'apiGatewayLogRole is "exists", and this account and region have no role for API Gateway’s logs: the stage could not be made.',
          'Leave apiGatewayLogRole out.',
        ),
      ],
    };
  if (setting === 'create' && !none && !isOurs)
    return {
      setting,
      findings: [
        changes(
          'log role',
          'apiGatewayLogRole',
          `apiGatewayLogRole is "create", and this account and region have a role already, ${found}: every other API would write its logs by ours.`,
        ),
      ],
    };
  if (none || isOurs)
    return { setting: setting ?? 'create', findings: [fine('log role', 'It is made by the deployment.')] };
  return { setting: 'exists', findings: [fine('log role', `The account’s own is used, ${found}.`)] };
}
