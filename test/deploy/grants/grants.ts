import { type FunctionName, functionNeeds } from '#infra/function-needs.ts';
import { query, textsOf } from './root-calls.ts';

/** One action on one resource that one function may. */
export interface Grant {
  readonly functionName: FunctionName;
  readonly action: string;
  readonly arn: string;
  /** As a line of `test/infra/permissions.snapshot.txt`, with its function: `send may sqs:SendMessage on LaterDeliveryQueue`. */
  readonly line: string;
}

/** Physical ids by logical ids without their hash, such as `TablesMessages`. */
export type Resources = ReadonlyMap<string, string>;

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

/** What a deployment's stacks made. */
export async function deployedResources(name: string): Promise<Resources> {
  const found = new Map<string, string>();
  for (const StackName of [`${name}-Data`, `${name}-Messaging`]) {
    for (let page: Record<string, string> | undefined = {}; page; ) {
      const xml = await query('cloudformation', { Action: 'ListStackResources', StackName, ...page });
      const physicalIds = textsOf(xml, 'PhysicalResourceId');
      for (const [index, logicalId] of textsOf(xml, 'LogicalResourceId').entries())
        found.set(logicalId.replace(/[0-9A-F]{8}$/, ''), physicalIds[index] ?? '');
      const [NextToken] = textsOf(xml, 'NextToken');
      page = NextToken === undefined ? undefined : { NextToken };
    }
  }
  return found;
}

/** Every grant of every function's role, as it was deployed. */
export async function deployedGrants(resources: Resources): Promise<Grant[]> {
  const names = Object.keys(functionNeeds) as FunctionName[];
  const grants = await Promise.all(
    names.map(async (functionName) => {
      const { document } = await policyOf(functionName, resources);
      return document.Statement.flatMap(({ Action, Resource }) =>
        [Action].flat().flatMap((action) =>
          [Resource].flat().map((arn) => {
            const line = `${functionName} may ${action} on ${nameOf(arn, resources)}`;
            return { functionName, action, arn, line };
          }),
        ),
      );
    }),
  );
  return grants.flat();
}

/** Runs `work` while the function's role lacks this one grant, which it has again afterwards. */
export async function without<T>(grant: Grant, resources: Resources, work: () => Promise<T>): Promise<T> {
  const { document, replace } = await policyOf(grant.functionName, resources);
  await replace({ ...document, Statement: document.Statement.flatMap((each) => takeAway(grant, each)) });
  try {
    return await work();
  } finally {
    await replace(document);
  }
}

/** The statement without the grant: the other actions on all of its resources, the action on the others. */
function takeAway({ action, arn }: Grant, statement: Statement): Statement[] {
  const actions = [statement.Action].flat();
  const arns = [statement.Resource].flat();
  if (!actions.includes(action) || !arns.includes(arn)) return [statement];
  const parts = [
    { ...statement, Action: actions.filter((one) => one !== action) },
    { ...statement, Action: [action], Resource: arns.filter((one) => one !== arn) },
  ];
  return parts.filter(({ Action, Resource }) => Action.length > 0 && Resource.length > 0);
}

async function policyOf(functionName: FunctionName, resources: Resources) {
  const role = `Functions${functionName[0]?.toUpperCase()}${functionName.slice(1)}Role`;
  const RoleName = resources.get(role) ?? '';
  const policies = textsOf(await query('iam', { Action: 'ListRolePolicies', RoleName }), 'member');
  const [PolicyName] = policies;
  if (PolicyName === undefined || policies.length > 1)
    throw new Error(`${role} has ${policies.length} policies, not one.`);
  const [text = ''] = textsOf(
    await query('iam', { Action: 'GetRolePolicy', RoleName, PolicyName }),
    'PolicyDocument',
  );
  return {
    document: JSON.parse(decodeURIComponent(text)) as PolicyDocument,
    replace: async (document: PolicyDocument): Promise<void> => {
      const PolicyDocument = JSON.stringify(document);
      await query('iam', { Action: 'PutRolePolicy', RoleName, PolicyName, PolicyDocument });
    },
  };
}

/** The ARN's resource by its logical id, and what follows it: `TablesMailboxes/index/byActivity`. */
function nameOf(arn: string, resources: Resources): string {
  const inArn = [...resources]
    .map(([logicalId, physicalId]) => ({ logicalId, id: physicalId.slice(physicalId.lastIndexOf('/') + 1) }))
    .filter(({ id }) => id !== '' && arn.split(/[:/]/).includes(id));
  const [found] = inArn.sort((one, other) => other.id.length - one.id.length);
  if (found === undefined) return arn;
  const after = arn.slice(arn.lastIndexOf(found.id) + found.id.length).replace(/^:\*$/, '');
  return found.logicalId + after;
}
