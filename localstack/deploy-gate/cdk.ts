import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Emulation, emulationVariable } from './emulation.ts';

export interface CdkOptions {
  readonly emulation: Emulation;
  /** What leads the command line to the emulator: endpoint, account, certificate. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For what it writes. */
  readonly directory: string;
  /** Settings of docs/deploy.md, such as `postrider:logLevel=DEBUG`, for each of its commands. */
  readonly settings?: readonly string[];
}

/** Runs a command of the CDK on the app. Resolves with all that it wrote, and rejects with that where it failed. */
export type Cdk = (...args: string[]) => Promise<string>;

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');

/** All clients of the tests have the one address of this machine, which nobody's users have. Those per user stay. */
const addressLimits = JSON.stringify({
  messagesPerAddress: { burst: 10_000, refillPerSecond: 1_000 },
  connectionsPerAddress: { burst: 10_000, refillPerSecond: 1_000 },
});

/** The real command line of the CDK, on the product's own app. The cache is off: MiniStack has no ElastiCache Serverless. */
export function makeCdk({ emulation, environment, directory, settings = [] }: CdkOptions): Cdk {
  const common = [
    ['--app', 'node localstack/deploy-gate/app.ts'],
    ['--output', join(directory, 'cdk.out')],
    ...[
      'postrider:cache=none',
      'postrider:apiGatewayLogRole=create',
      `postrider:rateLimits=${addressLimits}`,
      ...settings,
    ].map((setting) => ['-c', setting]),
  ].flat();
  const env = {
    ...process.env,
    ...environment,
    PATH: [binaries, process.env.PATH ?? ''].join(delimiter),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    [emulationVariable]: JSON.stringify(emulation),
  };
  return async (...args) => {
    const options = { cwd: root, env, maxBuffer: 16 * 1024 * 1024 };
    const { stdout, stderr } = await run('cdk', [...args, ...common], options);
    return stdout + stderr;
  };
}
