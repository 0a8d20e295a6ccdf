import {
  type ElastiCacheClient,
  paginateDescribeCacheEngineVersions,
  paginateDescribeServerlessCaches,
  paginateDescribeUserGroups,
} from '@aws-sdk/client-elasticache';
import { cacheName, cacheUser, majorEngineVersion } from '../cache-access.ts';
import type { Settings } from '../settings.ts';
import { type Finding, fine, stops, surprises } from './findings.ts';
import { describe } from './place.ts';

const without = 'Set cache to "none": everything works without it, and reads cost more.';

/** Whether the cache that the settings ask for can be had here, and whether its names are free or ours. */
export async function checkCache(
  client: ElastiCacheClient,
  settings: Settings,
  deployed: Readonly<Record<string, unknown>> | undefined,
): Promise<Finding[]> {
  if (settings.cache === 'none') return [fine('cache', 'There will be none.')];
  const versions = await engineVersions(client);
  if (!versions.some((version) => version.split('.')[0] === majorEngineVersion))
    return [
      stops(
        'cache',
        `ElastiCache has no Valkey ${majorEngineVersion} in this region${versions.length > 0 ? `, only ${versions.join(', ')}` : ''}.`,
        without,
      ),
    ];
  const isOurs = deployed?.cache === settings.cache;
  const findings = isOurs ? await checkOurs(client, settings) : await checkFree(client, settings);
  if (findings.length > 0) return findings;
  const open =
    settings.cache === 'public' && !isOurs
      ? ' Whether it may have a public endpoint in this region no API tells.'
      : '';
  return [fine('cache', `ElastiCache has Valkey ${majorEngineVersion} here.${open}`)];
}

async function engineVersions(client: ElastiCacheClient): Promise<string[]> {
  const versions = new Set<string>();
  try {
    const pages = paginateDescribeCacheEngineVersions({ client }, { Engine: 'valkey' });
    for await (const { CacheEngineVersions = [] } of pages) {
      for (const { EngineVersion } of CacheEngineVersions)
        if (EngineVersion !== undefined) versions.add(EngineVersion);
    }
  } catch (error) {
    // A region without ElastiCache has no such host, and an older one does not know the engine.
    const { name, code } = describe(error);
    if (code !== 'ENOTFOUND' && !name.startsWith('InvalidParameterValue')) throw error;
  }
  return [...versions];
}

/** CloudFormation makes nothing whose name is taken. */
async function checkFree(client: ElastiCacheClient, settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  const cache = cacheName(settings.name, settings.cache);
  const user = cacheUser(settings.name);
  for await (const { ServerlessCaches = [] } of paginateDescribeServerlessCaches({ client }, {})) {
    const taken = ServerlessCaches.find(({ ServerlessCacheName }) => ServerlessCacheName === cache);
    if (taken !== undefined)
      findings.push(
        stops(
          'cache',
          `There is a cache "${cache}" already (${taken.Status}), which no stack of this name has made.`,
          'Choose another name; or delete it if nothing uses it, and wait until it is gone.',
        ),
      );
  }
  for await (const { UserGroups = [] } of paginateDescribeUserGroups({ client }, {})) {
    if (UserGroups.some(({ UserGroupId }) => UserGroupId === user) && findings.length === 0)
      findings.push(
        stops(
          'cache',
          `ElastiCache has a user group "${user}" already, which the deployment would make.`,
          `Delete it: aws elasticache delete-user-group --user-group-id ${user}; or choose another name.`,
        ),
      );
  }
  return findings;
}

async function checkOurs(client: ElastiCacheClient, settings: Settings): Promise<Finding[]> {
  const cache = cacheName(settings.name, settings.cache);
  for await (const { ServerlessCaches = [] } of paginateDescribeServerlessCaches({ client }, {})) {
    const found = ServerlessCaches.find(({ ServerlessCacheName }) => ServerlessCacheName === cache);
    if (found === undefined) continue;
    if (found.Status?.toLowerCase() === 'available') return [];
    return [surprises('cache', `The cache "${cache}" is ${found.Status}.`, 'Wait until it is available.')];
  }
  return [
    surprises(
      'cache',
      `The cache "${cache}" is gone, though the stack has it: messages flow, reads cost more.`,
      'Deploy once with cache "none", then with it again.',
    ),
  ];
}
