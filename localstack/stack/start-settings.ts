import { isIP } from 'node:net';
import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { parseTrustedNetworks } from '#shared/limits/trusted-networks.ts';

export interface StartSettings {
  readonly port: number;
  /** An address, or a name. */
  readonly host: string | undefined;
  readonly dataDir: string | undefined;
  /** For the functions, which read it again. */
  readonly rateLimits: string | undefined;
  readonly trustedNetworks: string | undefined;
}

/** A setting that is wrong. The message says what to write instead. */
export class StartSettingError extends Error {
  override readonly name = 'StartSettingError';
}

const defaultPort = 4510;

/**
 * What `npm start` can be told, from the environment: `PORT`, `HOST`, `DATA_DIR`, `RATE_LIMITS` and
 * `TRUSTED_NETWORKS`. It takes no arguments.
 */
export function readStartSettings(
  environment: Readonly<Record<string, string | undefined>>,
  args: readonly string[] = [],
): StartSettings {
  if (args.length > 0)
    throw new StartSettingError(
      `It takes no arguments, and was given "${args.join(' ')}". Its settings are variables of the environment: PORT, HOST, DATA_DIR, RATE_LIMITS, TRUSTED_NETWORKS, VALKEY_URL, DYNAMODB_ENDPOINT. For example: PORT=4511 npm start`,
    );
  parseRateLimits(environment.RATE_LIMITS);
  parseTrustedNetworks(environment.TRUSTED_NETWORKS);
  return {
    port: readPort(environment.PORT),
    host: readHost(environment.HOST),
    dataDir: environment.DATA_DIR || undefined,
    rateLimits: environment.RATE_LIMITS || undefined,
    trustedNetworks: environment.TRUSTED_NETWORKS || undefined,
  };
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return defaultPort;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new StartSettingError(
    `PORT must be a whole number from 0 (any free port) to 65535, and it is "${text}". Leave it out for ${defaultPort}.`,
  );
}

function readHost(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (isIP(text) !== 0 || /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text)) return text;
  throw new StartSettingError(
    `HOST must be an address or a name, without a scheme or a port, and it is "${text}". For example: HOST=0.0.0.0 for all addresses of this machine.`,
  );
}
