import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import { makeValkeyCache } from '#shared/cache/valkey-cache.ts';
import { makeValkeyConnect, type ValkeySettings } from '#shared/cache/valkey-connection.iovalkey.ts';
import { optionalSetting, setting } from './settings.ts';
import { clock, random } from './system.ts';
import type { FlushableTelemetry } from './telemetry.powertools.ts';

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
