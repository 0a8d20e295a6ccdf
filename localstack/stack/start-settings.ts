import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { parseTrustedNetworks } from '#shared/limits/trusted-networks.ts';

export interface StartSettings {
  readonly port: number;
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

/** What `npm start` can be told, from the environment: `PORT`, `DATA_DIR`, `RATE_LIMITS` and `TRUSTED_NETWORKS`. */
export function readStartSettings(environment: Readonly<Record<string, string | undefined>>): StartSettings {
  parseRateLimits(environment.RATE_LIMITS);
  parseTrustedNetworks(environment.TRUSTED_NETWORKS);
  return {
    port: readPort(environment.PORT),
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
