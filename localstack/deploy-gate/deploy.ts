import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CdkOptions, makeCdk } from './cdk.ts';
import { emulatedUrl } from './emulation.ts';

export interface Deployment {
  /** What clients connect to. */
  readonly url: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** What the command line of the CDK wrote. */
  readonly report: string;
}

/** Prepares the account for the CDK, once. Rejects with what the CDK wrote. */
export async function bootstrap(options: CdkOptions): Promise<void> {
  await makeCdk(options)('bootstrap', 'aws://000000000000/us-east-1');
}

/** Deploys the real app, with its default settings but for the cache, by the real command line of the CDK. Rejects with what it wrote. */
export async function deploy(options: CdkOptions): Promise<Deployment> {
  await mkdir(options.directory, { recursive: true });
  const outputsFile = join(options.directory, 'outputs.json');
  const report = await makeCdk(options)(
    ...['deploy', '--all', '--require-approval', 'never', '--progress', 'events'],
    ...['--outputs-file', outputsFile],
  );
  const stacks: Record<string, Record<string, string>> = JSON.parse(await readFile(outputsFile, 'utf8'));
  const outputs = Object.assign({}, ...Object.values(stacks)) as Record<string, string>;
  return { url: await emulatedUrl(options.emulation, outputs.WebSocketUrl ?? ''), outputs, report };
}
