import { kmsClient, managementApiClient } from '#shared/aws/clients.ts';
import { composeSync } from '#shared/composition.ts';
import { database, lambda, sharedCache } from '#shared/runtime/lambda.ts';

const outside = { ...lambda(), ...database() };

/** The routes of the small requests. */
export const handler = composeSync({
  ...outside,
  kms: kmsClient(),
  managementApi: managementApiClient(),
  cache: sharedCache(outside),
});
