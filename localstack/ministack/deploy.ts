import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Emulation, emulatedPath } from './emulated.ts';
import type { Ministack } from './ministack.ts';

export interface Deployment {
  /** `wss://…`, with a certificate of MiniStack's own. */
  readonly url: string;
  readonly outputs: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
/** It has no ElastiCache Serverless. */
const settings = ['postrider:cache=none'];

/** Deploys the real app, with its default settings but for the cache, by the real command line of the CDK: bootstrap, then both stacks. Rejects with what it wrote. */
export async function deploy(
  ministack: Ministack,
  emulation: Emulation,
  directory: string,
): Promise<Deployment> {
  const outputsFile = join(directory, 'outputs.json');
  const environment = {
    ...process.env,
    ...ministack.environment,
    PATH: [binaries, process.env.PATH ?? ''].join(delimiter),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    MINISTACK_ENDPOINT: emulation.endpoint,
    MINISTACK_ISSUER: emulation.issuer,
    MINISTACK_AUDIENCE: emulation.audience,
  };
  const common = [
    ['--app', 'node localstack/ministack/app.ts'],
    ['--output', join(directory, 'cdk.out')],
    ...settings.map((setting) => ['-c', setting]),
  ].flat();
  const cdk = async (...args: string[]) => {
    await run('cdk', [...args, ...common], { cwd: root, env: environment, maxBuffer: 16 * 1024 * 1024 });
  };
  await cdk('bootstrap', 'aws://000000000000/us-east-1');
  await cdk(
    'deploy',
    '--all',
    '--require-approval',
    'never',
    '--progress',
    'events',
    '--outputs-file',
    outputsFile,
  );
  const stacks: Record<string, Record<string, string>> = JSON.parse(await readFile(outputsFile, 'utf8'));
  const outputs = Object.assign({}, ...Object.values(stacks)) as Record<string, string>;
  return { url: emulatedUrl(outputs.WebSocketUrl ?? '', emulation.endpoint), outputs };
}

/** The same API in the emulator: `wss://{apiId}.execute-api.{region}.amazonaws.com/{stage}` is on AWS. */
function emulatedUrl(webSocketUrl: string, endpoint: string): string {
  const { hostname, pathname } = new URL(webSocketUrl);
  const [apiId = ''] = hostname.split('.');
  return endpoint.replace('https://', 'wss://') + emulatedPath(apiId, pathname.slice(1));
}
