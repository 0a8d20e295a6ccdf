import { dynamodbClient, withoutRetries } from '#shared/aws/clients.ts';
import { cacheOfSettings } from '#shared/cache/cache-of-settings.iovalkey.ts';
import { clock, random, randomBytes } from './system.ts';
import { makeTelemetry } from './telemetry.powertools.ts';

/** What every function of a Lambda is put together from; made once per cold start. */
export function lambda() {
  return { clock, random, randomBytes, telemetry: makeTelemetry(), settings: process.env };
}

/** The database, and the same connections without retries. */
export function database() {
  const dynamodb = dynamodbClient();
  return { dynamodb, transactions: withoutRetries(dynamodb) };
}

/** The cache that the settings name, or none. It signs in with the credentials of the function. */
export function sharedCache(outside: ReturnType<typeof lambda> & ReturnType<typeof database>) {
  return cacheOfSettings({ ...outside, credentials: outside.dynamodb.config.credentials });
}
