import { type ChainableCommander, Cluster, type ClusterOptions, Redis } from 'iovalkey';
import type { Clock } from '#shared/runtime/clock.ts';
import { type AwsCredentials, type IamIdentity, makeIamToken } from './iam-token.aws.ts';
import type { ValkeyCommand, ValkeyConnect, ValkeyConnection, ValkeyReply } from './valkey-connection.ts';

export interface ValkeySettings {
  /** `valkey://host:port`, or `valkeys://` for TLS; `redis://` and `rediss://` mean the same. */
  readonly url: string;
  readonly clusterMode: boolean;
  /** Sign in as an IAM user of ElastiCache; otherwise with the user and password of the URL, if it has any. */
  readonly iam?: IamIdentity;
  /** A private certificate authority, PEM. The system's are trusted by default. */
  readonly certificateAuthority?: string;
}

export interface ValkeyConnectDependencies {
  readonly clock: Pick<Clock, 'now'>;
  /** For `iam`. An SDK client's `config.credentials` will do. */
  readonly credentials?: AwsCredentials;
}

/** For each step of making a connection. */
const limitMs = 2_000;

/**
 * Connections to Valkey by iovalkey, which is held to one thing: making a connection and using it until it ends. It
 * takes its password once, when it is made, so reconnecting by itself it would sign in with a token of long ago. It
 * never reconnects, resends or queues; every connection is a new client with a new token. Throws on settings that
 * cannot work.
 */
export function makeValkeyConnect(
  settings: ValkeySettings,
  dependencies: ValkeyConnectDependencies,
): ValkeyConnect {
  const address = parseAddress(settings.url);
  const { iam, certificateAuthority: ca } = settings;
  const { clock, credentials } = dependencies;
  if (iam && !credentials) throw new Error('IAM authentication to the cache needs AWS credentials');
  if (iam && !address.tls) throw new Error('IAM authentication to the cache needs a valkeys:// address');

  return async () => {
    const signIn =
      iam && credentials
        ? { username: iam.userName, password: await makeIamToken(iam, credentials, clock) }
        : address.signIn;
    const options: NodeOptions = {
      ...signIn,
      ...(address.tls && { tls: ca ? { ca } : {} }),
      connectTimeout: limitMs,
      // Who asked has long gone on by then; a sign-in that hangs must end as well, and its socket with it.
      commandTimeout: limitMs,
      // A peer that is gone never confirms the end of a connection.
      disconnectTimeout: 100,
      enableReadyCheck: false,
      // 0: whichever of IPv4 and IPv6 answers. The library's default is IPv4 alone.
      family: 0,
    };
    return settings.clusterMode
      ? await connectToCluster(address, options)
      : await connectToServer(address, options);
  };
}

type NodeOptions = NonNullable<ClusterOptions['redisOptions']>;

interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly signIn: { readonly username?: string; readonly password?: string };
}

function parseAddress(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = /^(?:valkey|redis)(s?):$/.exec(url?.protocol ?? '');
  // Without the text itself: it may hold a password.
  if (!url?.hostname || !scheme)
    throw new Error('the address of the cache must look like valkeys://host:6379');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    tls: scheme[1] === 's',
    signIn: {
      ...(url.username && { username: decodeURIComponent(url.username) }),
      ...(url.password && { password: decodeURIComponent(url.password) }),
    },
  };
}

async function connectToServer({ host, port }: Address, options: NodeOptions): Promise<ValkeyConnection> {
  const client = new Redis({
    ...options,
    host,
    port,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  // What was asked is rejected with "Connection is closed"; the socket's own error says why.
  let cause: unknown;
  client.on('error', (error) => {
    cause = error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    client.disconnect();
    throw cause ?? error;
  }
  return connectionOver(client, () => client.status === 'ready');
}

async function connectToCluster(address: Address, options: NodeOptions): Promise<ValkeyConnection> {
  const { host, port } = address;
  const client = new Cluster([{ host, port }], {
    redisOptions: options,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    clusterRetryStrategy: () => null,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 2,
    // The certificate is for the name: resolving it first, as the library does, would check it against an address.
    dnsLookup: (name, callback) => callback(null, name),
  });
  client.on('error', () => undefined);
  let hasLostNode = false;
  try {
    await client.connect();
    // So that the first request does not pay for the handshakes with the nodes.
    await Promise.all(client.nodes('master').map((node) => node.ping()));
  } catch (error) {
    client.disconnect();
    // Why, the cluster client keeps to itself; a plain connection to the same address tells it.
    (await connectToServer(address, options)).close();
    throw error;
  }
  // The library would come back to this node with the password of this connection, which may have expired.
  client.on('-node', () => {
    hasLostNode = true;
  });
  return connectionOver(client, () => client.status === 'ready' && !hasLostNode);
}

function connectionOver(client: Redis | Cluster, isOpen: () => boolean): ValkeyConnection {
  return {
    isOpen,
    close: () => client.disconnect(),

    async pipeline(commands) {
      return readReplies(await fill(client.pipeline(), commands).exec());
    },

    async transaction(commands) {
      return readReplies(await fill(client.multi(), commands).exec());
    },
  };
}

function fill(pipeline: ChainableCommander, commands: readonly ValkeyCommand[]): ChainableCommander {
  for (const [name, ...args] of commands) {
    // The library would write a plain Uint8Array as "1,2,3".
    const writable = args.map((arg) =>
      arg instanceof Uint8Array ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : arg,
    );
    pipeline.callBuffer(name, writable);
  }
  return pipeline;
}

function readReplies(results: [error: Error | null, reply: unknown][] | null): ValkeyReply[] {
  if (!results) throw new Error('the transaction was discarded');
  return results.map(([error, reply]) => error ?? (reply as ValkeyReply));
}
