export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

/** The one inline policy of a function's role in MiniStack. */
export interface RolePolicy {
  readonly document: PolicyDocument;
  replace(document: PolicyDocument): Promise<void>;
}

/** Finds the role of a function by its name in `function-needs.ts`. */
export async function policyOf(functionName: string): Promise<RolePolicy> {
  const roles = textsOf(await call({ Action: 'ListRoles' }), 'RoleName');
  const RoleName = roles.find((name) => new RegExp(`Functions${functionName}Role`, 'i').test(name));
  if (RoleName === undefined) throw new Error(`No role of ${functionName} among ${roles.join(', ')}.`);
  const [PolicyName] = textsOf(await call({ Action: 'ListRolePolicies', RoleName }), 'member');
  if (PolicyName === undefined) throw new Error(`${RoleName} has no policy.`);
  const [encoded] = textsOf(await call({ Action: 'GetRolePolicy', RoleName, PolicyName }), 'PolicyDocument');
  return {
    document: JSON.parse(decodeURIComponent(encoded ?? '')),
    replace: async (document) => {
      const PolicyDocument = JSON.stringify(document);
      await call({ Action: 'PutRolePolicy', RoleName, PolicyName, PolicyDocument });
    },
  };
}

/** IAM's Query API as the account's root, whose signature MiniStack does not check: no client for it is installed. */
async function call(parameters: Readonly<Record<string, string>>): Promise<string> {
  const response = await fetch(process.env.AWS_ENDPOINT_URL ?? '', {
    method: 'POST',
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${parameters.Action} was answered ${response.status}: ${text}`);
  return text;
}

function textsOf(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(([, text]) => text ?? '');
}
