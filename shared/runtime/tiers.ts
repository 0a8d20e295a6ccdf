import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { makeValkeyConnect, type ValkeySettings } from '#shared/adapters/cache/connect.ts';
import { makeMemoryCache } from '#shared/adapters/cache/memory-cache.ts';
import { makeValkeyCache } from '#shared/adapters/cache/valkey-cache.ts';
import type { MessageCache } from '#shared/use-cases/ports.ts';
import { clock, random } from './clock.ts';
import { optionalSetting, setting } from './settings.ts';
import type { FlushableTelemetry } from './telemetry.ts';

/** This environment's memory, then the cache if there is one. */
export function messageTiers(
  dynamodb: DynamoDBDocumentClient,
  telemetry: FlushableTelemetry,
): readonly MessageCache[] {
  const memory = makeMemoryCache();
  const url = optionalSetting('CACHE_URL');
  if (url === undefined) return [memory];
  const connect = makeValkeyConnect(cacheSettings(url), { clock, credentials: dynamodb.config.credentials });
  return [memory, makeValkeyCache({ connect, clock, random, telemetry })];
}

/** ElastiCache Serverless is a cluster with IAM users; a server of one's own needs neither. */
function cacheSettings(url: string): ValkeySettings {
  const userName = optionalSetting('CACHE_IAM_USER');
  if (userName === undefined) return { url, clusterMode: false };
  const iam = { userName, cacheName: setting('CACHE_NAME'), region: setting('AWS_REGION') };
  return { url, clusterMode: true, iam };
}
