import { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ElastiCacheClient } from '@aws-sdk/client-elasticache';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Settings } from '../settings.ts';
import { checkConcurrency, checkLogRole, checkPlace } from './account.ts';
import { checkCache } from './cache.ts';
import { type Finding, fine, type Looked, surprises } from './findings.ts';
import { checkIssuer } from './issuer.ts';
import { describe, findPlace, type Place } from './place.ts';
import {
  checkBootstrap,
  checkChanges,
  checkNames,
  checkStates,
  deployedSettings,
  readStacks,
  type Stacks,
} from './stacks.ts';

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Absent where AWS could not be asked. */
  readonly place?: Place;
  /** With what was found out about the account where they left it open. */
  readonly settings: Settings;
  /** What the service that is deployed was made with. */
  readonly deployed?: Readonly<Record<string, unknown>>;
}

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof globalThis.fetch;
}

/** Looks, and changes nothing: what would fail, change by accident or surprise if these settings were deployed from here. */
export async function diagnose(settings: Settings, around: Surroundings): Promise<Diagnosis> {
  const found = await findPlace(around.environment);
  if ('finding' in found) return { findings: [found.finding], settings };
  const place = found.value;
  const begun = [
    fine('credentials', `The account is ${place.account}, the region ${place.region}.`),
    ...checkPlace(place, settings),
    ...(await checkIssuer(around.fetch, settings)),
  ];
  const client = new CloudFormationClient(configOf(place));
  const stacks = await look('cloudformation:DescribeStacks', () => readStacks(client));
  if ('value' in stacks) return await diagnoseIn(place, settings, stacks.value, begun);
  const unseen: Finding = {
    ...stacks.finding,
    level: 'stops',
    todo: `${stacks.finding.todo} Without it nobody knows what this deployment would change.`,
  };
  return { findings: [...begun, unseen], place, settings };
}

async function diagnoseIn(
  place: Place,
  settings: Settings,
  stacks: Stacks,
  begun: readonly Finding[],
): Promise<Diagnosis> {
  const deployed = deployedSettings(stacks, settings);
  const config = configOf(place);
  const [concurrency, cache, logRole] = await Promise.all([
    look('lambda:GetAccountSettings', () => checkConcurrency(new LambdaClient(config), settings, deployed)),
    look('elasticache:Describe*', () => checkCache(new ElastiCacheClient(config), settings, deployed)),
    look('apigateway:GET', () => checkLogRole(new APIGatewayClient(config), settings, deployed)),
  ]);
  // Where it cannot be looked up, what is there stays.
  const otherwise =
    settings.apiGatewayLogRole ?? (deployed?.apiGatewayLogRole === 'create' ? 'create' : 'exists');
  const apiGatewayLogRole = 'value' in logRole ? logRole.value.setting : otherwise;
  const resolved: Settings = { ...settings, apiGatewayLogRole };
  const findings = [
    ...begun,
    checkBootstrap(stacks, `aws://${place.account}/${place.region}`),
    ...checkNames(stacks, resolved),
    ...checkStates(stacks, resolved),
    ...checkChanges(stacks, resolved),
    ...('value' in concurrency ? concurrency.value : [concurrency.finding]),
    ...('value' in cache ? cache.value : [cache.finding]),
    ...('value' in logRole ? logRole.value.findings : [logRole.finding]),
    checkAlarms(settings),
  ];
  return { findings, place, settings: resolved, ...(deployed && { deployed }) };
}

function configOf({ region, credentials }: Place) {
  return { region, ...(credentials && { credentials }) };
}

function checkAlarms({ alarmEmail, name }: Settings): Finding {
  if (alarmEmail !== undefined)
    return fine('alarms', `They go to ${alarmEmail}, who has to confirm a mail first.`);
  return surprises(
    'alarms',
    'alarmEmail is not set: alarms go off, and nobody is told.',
    `Set it, or subscribe to the topics CriticalAlarms and WarningAlarms, outputs of ${name}-Messaging.`,
  );
}

async function look<T>(permission: string, ask: () => Promise<T>): Promise<Looked<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    const { name, message } = describe(error);
    const finding = surprises(
      permission.split(':')[0] ?? permission,
      `That could not be looked up (${name}: ${message}).`,
      `Allow ${permission}, or to assume the CDK's role cdk-hnb659fds-lookup-role, which may.`,
    );
    return { finding };
  }
}

/** Whether nothing stands in the way but what was agreed to by name. */
export function isReady(findings: readonly Finding[], agreed: readonly string[]): boolean {
  return findings.every(
    ({ level, setting = '' }) => level !== 'stops' && (level !== 'changes' || agreed.includes(setting)),
  );
}
