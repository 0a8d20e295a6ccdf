import { validateHeaderName, validateHeaderValue } from 'node:http';

/** A Lambda invocation: resolves with the handler's JSON result, or rejects with the Lambda's errorMessage. */
export interface Integration {
  invoke(event: unknown): Promise<unknown>;
}

/** What a Lambda proxy integration has to return. */
export interface ProxyResponse {
  readonly statusCode: number;
  /** Names as the handler wrote them; a name of several values comes several times. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
}

export type InvocationResult =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'timedOut' };

/** Invokes, and stops waiting after `timeoutMs`: what the Lambda answers later reaches nobody. Never rejects. */
export async function invokeWithin(
  integration: Integration,
  event: unknown,
  timeoutMs: number,
): Promise<InvocationResult> {
  const invocation = async (): Promise<InvocationResult> => {
    try {
      return { kind: 'returned', value: await integration.invoke(event) };
    } catch (error) {
      return { kind: 'rejected', message: error instanceof Error ? error.message : String(error) };
    }
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<InvocationResult>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'timedOut' }), timeoutMs);
    timer.unref();
  });
  try {
    return await Promise.race([invocation(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a proxy integration's result; `undefined` if API Gateway would call it malformed. */
export function parseProxyResponse(value: unknown): ProxyResponse | undefined {
  if (!isRecord(value)) return undefined;
  const { statusCode, body } = value;
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode)) return undefined;
  if (statusCode < 200 || statusCode > 599) return undefined;
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined;
  const headers = parseHeaders(value);
  return headers && { statusCode, headers, body: body ?? undefined };
}

function parseHeaders(value: Record<string, unknown>): ProxyResponse['headers'] | undefined {
  const headers: [string, string][] = [];
  for (const source of [value.headers ?? {}, value.multiValueHeaders ?? {}]) {
    if (!isRecord(source)) return undefined;
    for (const [name, values] of Object.entries(source)) {
      for (const one of [values].flat()) {
        if (!isHeader(name, one)) return undefined;
        headers.push([name, String(one)]);
      }
    }
  }
  return headers;
}

function isHeader(name: string, value: unknown): value is string | number | boolean {
  if (!['string', 'number', 'boolean'].includes(typeof value)) return false;
  try {
    validateHeaderName(name);
    validateHeaderValue(name, String(value));
    return true;
  } catch {
    return false;
  }
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
