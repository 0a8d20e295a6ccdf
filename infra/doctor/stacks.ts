import {
  type CloudFormationClient,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { dataDescription } from '../deployed/names.ts';
import { dataSettings, differences, parseRecord, recordOutput } from '../deployed/record.ts';
import type { Settings } from '../settings.ts';
import { changes, type Finding, fine, stops, surprises } from './findings.ts';

/** The stacks of the account and region, by name. */
export type Stacks = ReadonlyMap<string, Stack>;

export async function readStacks(client: CloudFormationClient): Promise<Stacks> {
  const stacks = new Map<string, Stack>();
  for await (const { Stacks: page = [] } of paginateDescribeStacks({ client }, {})) {
    for (const stack of page) stacks.set(stack.StackName ?? '', stack);
  }
  return stacks;
}

export function outputOf(stack: Stack | undefined, key: string): string | undefined {
  return stack?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
}

/** Those of the CDK's own stack that this version of it needs, for functions as assets. */
const leastBootstrap = 6;

export function checkBootstrap(stacks: Stacks, target: string): Finding {
  const toolkit = stacks.get('CDKToolkit');
  const command = `npx cdk bootstrap ${target}`;
  if (toolkit === undefined)
    return stops('bootstrap', 'The CDK has not been prepared in this account and region.', `Run ${command}`);
  const version = Number(outputOf(toolkit, 'BootstrapVersion') ?? 0);
  if (version < leastBootstrap)
    return stops('bootstrap', `The CDK’s own stack is of version ${version}, too old.`, `Run ${command}`);
  return fine('bootstrap', `The CDK is prepared, version ${version}.`);
}

const namesOf = (name: string) => [`${name}-Data`, `${name}-Messaging`] as const;

/** Names are told apart by case, and what is made by them (event bus, key alias, cache) is not. */
export function* checkNames(stacks: Stacks, { name }: Settings): Generator<Finding> {
  const others = [...stacks.values()].flatMap((stack) => deploymentOf(stack) ?? []);
  const collides = others.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
  if (collides !== undefined)
    yield stops(
      'name',
      `"${collides}" is deployed here, and "${name}" differs from it in case alone: both would make the same event bus, key alias and cache.`,
      `Write -c postrider:name=${collides} if that one is meant, or another name.`,
    );
  else if (namesOf(name).some((stack) => stacks.has(stack)))
    yield fine('name', `"${name}" is deployed here and will be updated.`);
  else if (others.length > 0)
    yield changes(
      'name',
      'name',
      `No "${name}" is deployed in this account and region, but ${[...new Set(others)].map((other) => `"${other}"`).join(', ')}: this would make another deployment beside, with a URL and data of its own.`,
    );
  else yield fine('name', `"${name}" will be the first deployment in this account and region.`);
}

function deploymentOf({ StackName = '', Description }: Stack): string | undefined {
  return Description === dataDescription ? StackName.replace(/-Data$/, '') : undefined;
}

/** Stacks in the middle of something, or broken. */
export function* checkStates(stacks: Stacks, { name }: Settings): Generator<Finding> {
  for (const stackName of namesOf(name)) {
    const status = String(stacks.get(stackName)?.StackStatus ?? '');
    if (status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS')
      yield stops(
        'state',
        `${stackName} is ${status}: somebody is deploying.`,
        'Wait until CloudFormation is done with it.',
      );
    if (/^(UPDATE_ROLLBACK_FAILED|DELETE_FAILED|ROLLBACK_FAILED)$/.test(status))
      yield stops(
        'state',
        `${stackName} is ${status}, out of which CloudFormation does not come by itself.`,
        status === 'UPDATE_ROLLBACK_FAILED'
          ? `Run npx cdk rollback ${stackName}, or look at its events.`
          : 'Look at its events, and delete it again when the reason is gone.',
      );
  }
}

/** What differs from the settings that the stacks were deployed with. */
export function* checkChanges(stacks: Stacks, settings: Settings): Generator<Finding> {
  const [data, messaging] = namesOf(settings.name).map((name) => stacks.get(name));
  const seen = new Set<string>();
  for (const [stack, names] of [[messaging, undefined] as const, [data, dataSettings] as const]) {
    if (stack === undefined || isEmpty(stack)) continue;
    const found = differences(outputOf(stack, recordOutput), settings, names);
    if (found === undefined) {
      yield stops(
        'settings',
        `${stack.StackName} does not say with which settings it was deployed: it is older than this version, or something else.`,
        'Look at `npx cdk diff`. If that is right, `npx cdk deploy --all` deploys without looking.',
      );
      continue;
    }
    for (const { name, before, after, effect } of found.filter((one) => !seen.has(one.name))) {
      seen.add(name);
      const says = `${name} is ${told(before)} in ${stack.StackName}, and would become ${told(after)}`;
      if (effect !== undefined) yield changes('settings', name, `${says}: ${effect}.`);
      else
        yield surprises('settings', `${says}.`, 'Write it into the file in settings/ if it was forgotten.');
    }
  }
  if (seen.size === 0 && (data ?? messaging) !== undefined)
    yield fine('settings', 'They are those that are deployed.');
}

/** Its first creation failed, or has not begun: nothing is deployed. */
const isEmpty = ({ StackStatus }: Stack) =>
  StackStatus === 'REVIEW_IN_PROGRESS' || StackStatus === 'ROLLBACK_COMPLETE';

const told = (value: unknown) => (value === undefined ? 'not set' : JSON.stringify(value));

/** What the deployed service was made with, setting by setting; `undefined` where there is none. */
export function deployedSettings(stacks: Stacks, { name }: Settings) {
  return parseRecord(outputOf(stacks.get(`${name}-Messaging`), recordOutput));
}
