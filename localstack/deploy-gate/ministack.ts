import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort, loopback } from '#localstack/http/loopback-server.ts';
import { type SupervisedProcess, startSupervised } from '#localstack/processes/supervised-process.ts';

export interface Ministack {
  /** `https://localhost:{port}`, of every service. */
  readonly endpoint: string;
  /** For whatever talks to it: the endpoint, an account, the certificate to trust. */
  readonly environment: Readonly<Record<string, string>>;
  output(): string;
  stop(): Promise<void>;
}

const binaries = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
const patienceMs = 60_000;

/**
 * Starts MiniStack with nothing in it, on a free port of loopback. It enforces IAM, and therefore speaks TLS: policies
 * of queues and buckets refuse plain HTTP.
 */
export async function startMinistack(program: string): Promise<Ministack> {
  const temporary = await mkdtemp(join(tmpdir(), 'postrider-ministack-'));
  const port = await findFreePort();
  const certificate = join(temporary, 'ministack-tls', 'server.crt');
  const settings = {
    AUTH: 'true',
    USE_SSL: '1',
    BIND_HOST: loopback,
    GATEWAY_PORT: String(port),
    MINISTACK_HOST: 'localhost',
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    TMPDIR: temporary,
    // Its functions run the first `node` of its PATH, and trust its certificate by this.
    PATH: [binaries, process.env.PATH ?? ''].join(delimiter),
    NODE_EXTRA_CA_CERTS: certificate,
  };
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const supervised = await startSupervised('env', [...assignments, program], { removeAfterwards: temporary });
  const endpoint = `https://localhost:${port}`;
  await untilHealthy(endpoint, certificate, supervised);
  return {
    endpoint,
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      NODE_EXTRA_CA_CERTS: certificate,
      AWS_CA_BUNDLE: certificate,
    },
    output: () => supervised.output(),
    stop: () => supervised.stop(),
  };
}

async function untilHealthy(
  endpoint: string,
  certificate: string,
  supervised: SupervisedProcess,
): Promise<void> {
  let over = false;
  void supervised.exited.then(() => {
    over = true;
  });
  const deadline = Date.now() + patienceMs;
  while (!over && Date.now() < deadline) {
    if (existsSync(certificate) && (await isHealthy(endpoint, await readFile(certificate)))) return;
    await sleep(100);
  }
  await supervised.stop();
  throw new Error(`MiniStack did not become ready. It wrote:\n${supervised.output()}`);
}

function isHealthy(endpoint: string, ca: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`${endpoint}/_ministack/health`, { ca }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
