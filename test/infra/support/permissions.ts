import type { Template } from 'aws-cdk-lib/assertions';
import { functionNeeds } from '#infra/function-needs.ts';
import { resourcesOf } from './synthesise.ts';

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** What each function may do, one line for each action and resource, written for people to read. */
export function permissionsOf(messaging: Template): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [, policy] of resourcesOf(messaging, 'AWS::IAM::Policy')) {
    const { PolicyDocument, Roles } = policy.Properties as {
      PolicyDocument: { Statement: Statement[] };
      Roles: { Ref: string }[];
    };
    const role = Roles[0]?.Ref ?? '';
    const name = Object.keys(functionNeeds).find((each) =>
      new RegExp(`^Functions${each}Role`, 'i').test(role),
    );
    found[name ?? role] = PolicyDocument.Statement.flatMap(linesOf).sort();
  }
  return found;
}

function linesOf({ Action, Resource, Condition }: Statement): string[] {
  const resources = Array.isArray(Resource) ? Resource : [Resource];
  const condition = Condition === undefined ? '' : ` if ${JSON.stringify(Condition)}`;
  return [Action]
    .flat()
    .flatMap((action) => resources.map((one) => `${action} on ${nameOf(one)}${condition}`));
}

/** The words of a resource: without what every ARN of the account begins with, and the hashes that end CloudFormation's names. */
function nameOf(resource: unknown): string {
  return flatten(resource)
    .replace(/Postrider-Data:ExportsOutput(FnGetAtt|Ref)/, '')
    .replace(/^arn:.*:\{AWS::AccountId\}:/, '')
    .replace(/[{}]/g, '')
    .replace(/[0-9A-F]{8}(Arn[0-9A-F]{8})?(?=\b|[^0-9A-Za-z])/g, '');
}

function flatten(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = ['', '']] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Fn::Join') return (argument as [string, unknown[]])[1].map(flatten).join('');
  if (intrinsic === 'Fn::GetAtt') return String((argument as string[])[0]);
  if (intrinsic === 'Ref') return `{${String(argument)}}`;
  return flatten(argument);
}
