import type { GatewayEvent } from './events.ts';
import { type Integration, invokeWithin, isRecord } from './integration.ts';
import { policyAllows } from './policy.ts';

export type Authorization =
  | { readonly allowed: true; readonly context: Readonly<Record<string, string>> }
  | { readonly allowed: false; readonly status: 401 | 403 | 500 };

/** AWS: "context up to 8 KB". */
const contextBytes = 8_192;

/** Asks a REQUEST authorizer, at every `$connect` since nothing is cached, and reads its answer. Never rejects: what it cannot make sense of is 500. */
export async function authorize(
  authorizer: Integration,
  event: GatewayEvent & { readonly methodArn: string },
  timeoutMs: number,
): Promise<Authorization> {
  const result = await invokeWithin(authorizer, event, timeoutMs);
  if (result.kind === 'rejected' && result.message === 'Unauthorized') return { allowed: false, status: 401 };
  if (result.kind !== 'returned' || !isRecord(result.value)) return { allowed: false, status: 500 };

  const { principalId, policyDocument, context = {} } = result.value;
  const allowed = policyAllows(policyDocument, event.methodArn);
  const strings = contextStrings(context);
  if (typeof principalId !== 'string' || allowed === undefined || strings === undefined) {
    return { allowed: false, status: 500 };
  }
  return allowed ? { allowed: true, context: { ...strings, principalId } } : { allowed: false, status: 403 };
}

/** The context with its numbers and booleans as strings; `undefined` if it nests or is too large. */
function contextStrings(context: unknown): Record<string, string> | undefined {
  if (!isRecord(context) || Buffer.byteLength(JSON.stringify(context)) > contextBytes) return undefined;
  const entries = Object.entries(context);
  if (!entries.every(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
