import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ValkeySettings } from '#shared/cache/valkey-connection.iovalkey.ts';

export type ServerKind = 'plain' | 'TLS and cluster mode';

/** The first server on the PATH, or `undefined`: then there is nothing to test against. */
export const serverBinary = ['valkey-server', 'redis-server'].find((binary) => isOnPath(binary));
export const hasOpenssl = isOnPath('openssl', 'version');

export interface TestServer {
  readonly settings: ValkeySettings;
  start(): Promise<void>;
  /** SIGKILL: connections are cut, and new ones refused, until `start`. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay, and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
  remove(): Promise<void>;
}

/** An empty server on a free loopback port, not started yet. */
export async function makeTestServer(kind: ServerKind): Promise<TestServer> {
  if (!serverBinary) throw new Error('no valkey-server or redis-server on the PATH');
  const binary = serverBinary;
  const directory = mkdtempSync(join(tmpdir(), 'valkey-test-'));
  const port = await freePort();
  const isCluster = kind !== 'plain';
  const flags = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--dir', directory];
  if (isCluster) flags.push(...clusterFlags(directory, port, await freePort()));
  else flags.push('--port', String(port));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    // The node file of a killed cluster node says who it was, with all its slots.
    child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    await untilItPrints(child, 'Ready to accept connections');
    if (isCluster) claimAllSlots(directory, port);
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  return {
    settings: {
      // By name with TLS, as a service in the cloud is: its certificate names no address.
      url: isCluster ? `valkeys://localhost:${port}` : `valkey://127.0.0.1:${port}`,
      clusterMode: isCluster,
      ...(isCluster && { certificateAuthority: readFileSync(join(directory, 'cert.pem'), 'utf8') }),
    },
    start,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async remove() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function clusterFlags(directory: string, port: number, busPort: number): string[] {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1'];
  execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key],
    ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no', '--tls-cluster', 'yes'],
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname'],
  ];
}

function claimAllSlots(directory: string, port: number): void {
  const cli = binaryOfCli();
  const options = ['-p', String(port), '--tls', '--cacert', join(directory, 'cert.pem'), 'cluster'];
  const info = () => execFileSync(cli, [...options, 'info'], { encoding: 'utf8' });
  if (info().includes('cluster_slots_assigned:0'))
    execFileSync(cli, [...options, 'addslotsrange', '0', '16383']);
  const until = Date.now() + 20_000;
  while (!info().includes('cluster_state:ok')) {
    if (Date.now() > until) throw new Error('the cluster did not come up');
  }
}

function binaryOfCli(): string {
  return String(serverBinary).replace('-server', '-cli');
}

async function untilItPrints(child: ChildProcess, text: string): Promise<void> {
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      if (printed.includes(text)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
    child.once('error', reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function isOnPath(binary: string, flag = '--version'): boolean {
  try {
    execFileSync(binary, [flag], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
