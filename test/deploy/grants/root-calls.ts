/**
 * Calls of the account's root, whose signature MiniStack does not check, to services of which no client is installed.
 * Each throws what it was answered if that is not a success.
 */
type Service = 'iam' | 'cloudformation' | 'lambda';

const versions = { iam: '2010-05-08', cloudformation: '2010-05-15' };

/** A call of the Query API. Resolves with XML. */
export async function query(
  service: keyof typeof versions,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ Version: versions[service], ...parameters });
  return await (await call(service, '/', { method: 'POST', body })).text();
}

/** The texts of all elements of this name. */
export function textsOf(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(([, text]) => text ?? '');
}

/** Invokes a function and waits for its result, which is an error's description where it threw. */
export async function invoke(functionName: string, event: unknown): Promise<unknown> {
  const path = `/2015-03-31/functions/${functionName}/invocations`;
  return await (await call('lambda', path, { method: 'POST', body: JSON.stringify(event) })).json();
}

/** Ends a function's environments, so that its next call begins with nothing in memory. Its settings stay as they are. */
export async function endEnvironments(functionName: string): Promise<void> {
  const path = `/2015-03-31/functions/${functionName}/configuration`;
  const { Environment } = (await (await call('lambda', path, {})).json()) as { Environment: unknown };
  await call('lambda', path, { method: 'PUT', body: JSON.stringify({ Environment }) });
}

async function call(service: Service, path: string, request: RequestInit): Promise<Response> {
  const credential = `Credential=test/20260101/us-east-1/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`;
  const response = await fetch(`${process.env.AWS_ENDPOINT_URL}${path}`, {
    ...request,
    headers: { authorization },
  });
  if (!response.ok) throw new Error(`${service} was answered ${response.status}: ${await response.text()}`);
  return response;
}
