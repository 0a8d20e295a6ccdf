import { isRecord } from './integration.ts';

/**
 * Whether an authorizer's policy lets `execute-api:Invoke` through on `methodArn`: a statement allows it and none denies it.
 * Conditions and negated elements are not looked at.
 * `undefined` if it is no policy.
 */
export function policyAllows(policy: unknown, methodArn: string): boolean | undefined {
  if (!isRecord(policy)) return undefined;
  const statements = [policy.Statement].flat();
  if (!statements.every(isRecord)) return undefined;
  let allowed = false;
  for (const statement of statements) {
    const named =
      matches(statement.Action, 'execute-api:Invoke', 'i') && matches(statement.Resource, methodArn, '');
    if (statement.Effect === 'Deny' && named) return false;
    if (statement.Effect === 'Allow' && named) allowed = true;
  }
  return allowed;
}

/** Whether one of the patterns, in which `*` stands for any characters and `?` for one, is the whole of `value`. */
function matches(patterns: unknown, value: string, flags: 'i' | ''): boolean {
  return [patterns].flat().some((pattern) => {
    if (typeof pattern !== 'string') return false;
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, flags).test(value);
  });
}
