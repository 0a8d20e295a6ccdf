import type { Settings } from './settings.ts';

/** Public endpoints begin with this version of Valkey. */
export const majorEngineVersion = '9';

/** The type is part of the name: a change of it replaces the cache, and two cannot have one name meanwhile. */
export function cacheName(deployment: string, type: Settings['cache']): string {
  return `${deployment.toLowerCase()}-${type}`;
}

/** The user of the functions, and the group of it alone: both have this as their id. */
export function cacheUser(deployment: string): string {
  return `${deployment.toLowerCase()}-cache`;
}

/**
 * What the functions may do in the cache: the commands of `shared/cache/`, those of its client for finding the nodes,
 * and only on keys that have a conversation's hash tag.
 */
export const accessString = [
  'on',
  'resetchannels',
  '~*{*}:*',
  '-@all',
  ...['set', 'mget', 'del', 'expire', 'zadd', 'zrange', 'zrem', 'zremrangebyscore', 'zremrangebyrank'].map(
    (command) => `+${command}`,
  ),
  ...['multi', 'exec', 'ping', 'asking', 'cluster|slots'].map((command) => `+${command}`),
].join(' ');
