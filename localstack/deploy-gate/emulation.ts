/** Where a deployment goes, and whose tokens it accepts there. */
export interface Emulation {
  readonly emulator: 'ministack' | 'localstack';
  /** Of every service, such as `https://localhost:4566`. */
  readonly endpoint: string;
  readonly issuer: string;
  readonly audience: string;
  /** Where the functions read the issuer's keys. */
  readonly jwksUri: string;
}

/** Hands an emulation to another process: the CDK's app, or the tests. */
export const emulationVariable = 'POSTRIDER_EMULATION';

/** Throws where nothing was handed over. */
export function readEmulation(environment: NodeJS.ProcessEnv): Emulation {
  const value = environment[emulationVariable];
  if (!value)
    throw new Error(`${emulationVariable} is not set: this is run by localstack/deploy-gate/test-deploy.ts.`);
  return JSON.parse(value) as Emulation;
}

/** Where the functions post to connections: AWS's own host names lead to AWS. */
export function managementEndpoint(emulation: Emulation, apiId: string, stageName: string): string {
  const { protocol, host } = new URL(emulation.endpoint);
  return emulation.emulator === 'ministack'
    ? `${protocol}//${host}/_aws/execute-api/${apiId}/${stageName}`
    : `${protocol}//${apiId}.execute-api.${host}/${stageName}`;
}

/** Where clients connect, for the URL of AWS that the stack puts out: `wss://{apiId}.execute-api.{region}…/{stage}`. */
export async function emulatedUrl(emulation: Emulation, webSocketUrl: string): Promise<string> {
  const { hostname, pathname } = new URL(webSocketUrl);
  const [apiId = ''] = hostname.split('.');
  if (emulation.emulator === 'ministack')
    return managementEndpoint(emulation, apiId, pathname.slice(1)).replace('http', 'ws');
  const response = await fetch(`${emulation.endpoint}/v2/apis/${apiId}`, { headers: { authorization } });
  if (!response.ok) throw new Error(`GetApi was answered ${response.status}: ${await response.text()}`);
  const { apiEndpoint } = (await response.json()) as { apiEndpoint: string };
  return `${apiEndpoint}${pathname}`;
}

/** It names the service that is meant; the signature is not looked at. */
const authorization =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, Signature=0';

/** The document behind `url` as a URL of its own: LocalStack's functions run in containers, which reach no loopback of ours. */
export async function inlined(url: string): Promise<string> {
  const document = Buffer.from(await (await fetch(url)).arrayBuffer());
  return `data:application/json;base64,${document.toString('base64')}`;
}
