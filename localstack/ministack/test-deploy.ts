import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createIssuer } from '#localstack/issuer/issuer.ts';
import { closeServer, findFreePort, listenOnLoopback, loopback } from '#localstack/loopback-server.ts';
import { deploy } from './deploy.ts';
import { findMinistack } from './install.ts';
import { startMinistack } from './ministack.ts';

/**
 * `npm run test:deploy`: deploys the real CDK app into MiniStack, which enforces IAM, and runs the contract suite and
 * the tests of the deployment against it. Arguments go to Vitest, such as the names of files to run.
 */
const audience = 'postrider';
const root = fileURLToPath(new URL('../..', import.meta.url));

async function main(): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'postrider-deploy-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const issuer = await startIssuer(cleanup);

  console.log('Starting MiniStack …');
  const ministack = await startMinistack(await findMinistack(join(root, '.postrider')));
  cleanup.defer(() => ministack.stop());

  console.log('Deploying …');
  const emulation = { endpoint: ministack.endpoint, issuer, audience };
  const { url, outputs } = await deploy(ministack, emulation, directory);
  console.log(`Deployed: ${url}`);

  const vitest = spawn(
    'vitest',
    ['run', '--config', 'localstack/ministack/vitest.config.ts', ...process.argv.slice(2)],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        ...ministack.environment,
        PATH: [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter),
        POSTRIDER_URL: url,
        POSTRIDER_TOKEN_URL: `${issuer}/token`,
        POSTRIDER_DEVIATIONS: join(root, 'localstack/ministack/deviations.json'),
        POSTRIDER_OUTPUTS: JSON.stringify(outputs),
      },
    },
  );
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
