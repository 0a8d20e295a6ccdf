import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { optionsOrExit } from '#infra/command-line.ts';
import { createIssuer, issuerPaths } from '#localstack/emulators/issuer/issuer.ts';
import { closeServer, findFreePort, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { chosenTests } from './choice.ts';
import { bootstrap, type Deployment, deploy } from './deploy.ts';
import { type Emulation, emulationVariable, inlined } from './emulation.ts';
import { findMinistack } from './install.ts';
import { startMinistack } from './ministack.ts';

const usage = `npm run test:deploy -- [options]

Deploys the real CDK app into MiniStack, which enforces IAM, and runs the contract suite and the tests of the deployment
against it. With LOCALSTACK_ENDPOINT it deploys into the LocalStack that answers there: docs/localstack.md.

  --small   a part of the tests, some minutes shorter
  --help
  Everything else goes to Vitest, such as the names of files to run.`;

const tests = optionsOrExit(chosenTests, usage);
const audience = 'postrider';
const root = fileURLToPath(new URL('../..', import.meta.url));

type Emulator = Pick<Emulation, 'emulator' | 'endpoint'> & {
  readonly environment: Readonly<Record<string, string>>;
};

async function main(): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'postrider-deploy-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const issuer = await startIssuer(cleanup);
  const { environment, ...emulator } = await reachEmulator(cleanup);
  const keys = `${issuer}${issuerPaths.keys}`;
  const emulation: Emulation = {
    ...emulator,
    issuer,
    audience,
    jwksUri: emulator.emulator === 'ministack' ? keys : await inlined(keys),
  };

  console.log('Deploying …');
  const options = { emulation, environment, directory };
  await bootstrap(options);
  const deployment = await deploy(options);
  console.log(`Deployed: ${deployment.url}`);
  return await runTests(emulation, environment, deployment);
}

async function reachEmulator(cleanup: AsyncDisposableStack): Promise<Emulator> {
  const endpoint = process.env.LOCALSTACK_ENDPOINT;
  if (endpoint) return { emulator: 'localstack', endpoint, environment: accountOf(endpoint) };
  console.log('Starting MiniStack …');
  const ministack = await startMinistack(await findMinistack(join(root, '.postrider')));
  cleanup.defer(() => ministack.stop());
  return { emulator: 'ministack', endpoint: ministack.endpoint, environment: ministack.environment };
}

function accountOf(endpoint: string): Readonly<Record<string, string>> {
  const { protocol, host } = new URL(endpoint);
  return {
    AWS_ENDPOINT_URL: endpoint,
    // LocalStack tells S3's requests from others by this host name.
    AWS_ENDPOINT_URL_S3: `${protocol}//s3.${host}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
  };
}

async function runTests(
  emulation: Emulation,
  environment: Readonly<Record<string, string>>,
  { url, outputs }: Deployment,
): Promise<number> {
  const config = ['run', '--config', 'test/deploy/vitest.config.ts'];
  const vitest = spawn('vitest', [...config, ...tests], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...environment,
      PATH: [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter),
      POSTRIDER_URL: url,
      POSTRIDER_TOKEN_URL: `${emulation.issuer}${issuerPaths.token}`,
      POSTRIDER_OUTPUTS: JSON.stringify(outputs),
      [emulationVariable]: JSON.stringify(emulation),
      ...(emulation.emulator === 'ministack' && {
        POSTRIDER_DEVIATIONS: join(root, 'test/deploy/deviations.json'),
      }),
    },
  });
  const [code] = (await once(vitest, 'exit')) as [number | null];
  return code ?? 1;
}

async function startIssuer(cleanup: AsyncDisposableStack): Promise<string> {
  const port = await findFreePort();
  const url = `http://${loopback}:${port}`;
  const issuer = await createIssuer({ issuer: url, audience });
  const server = createServer((request, response) => {
    if (!issuer.handleRequest(request, response)) response.writeHead(404).end();
  });
  await listenOnLoopback(server, port);
  cleanup.defer(() => closeServer(server));
  return url;
}

process.exitCode = await main();
