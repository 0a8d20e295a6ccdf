import type { Clock, Random } from '#shared/runtime/clock.ts';
import { type Environment, optionalSetting, setting } from '#shared/runtime/settings.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import type { AwsCredentials } from './iam-token.aws.ts';
import type { MessageCache } from './message-cache.ts';
import { makeValkeyCache } from './valkey-cache.ts';
import { makeValkeyConnect, type ValkeySettings } from './valkey-connection.iovalkey.ts';

interface Options {
  readonly settings: Environment;
  readonly credentials: AwsCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/** The cache that the settings name, or none. */
export function cacheOfSettings({ settings, credentials, ...rest }: Options): MessageCache | undefined {
  const url = optionalSetting('CACHE_URL', settings);
  if (url === undefined) return undefined;
  const connect = makeValkeyConnect(valkeySettings(url, settings), { ...rest, credentials });
  return makeValkeyCache({ ...rest, connect, epoch: setting('EPOCH', settings) });
}

/** ElastiCache Serverless is a cluster with IAM users; a server of one's own needs neither. */
function valkeySettings(url: string, settings: Environment): ValkeySettings {
  const userName = optionalSetting('CACHE_IAM_USER', settings);
  if (userName === undefined) return { url, clusterMode: false };
  const iam = {
    userName,
    cacheName: setting('CACHE_NAME', settings),
    region: setting('AWS_REGION', settings),
  };
  return { url, clusterMode: true, iam };
}
