import { kmsClient, managementApiClient } from '#shared/aws/clients.ts';
import { composeReconnect } from '#shared/composition.ts';
import { database, lambda, sharedCache } from '#shared/runtime/lambda.ts';

const outside = { ...lambda(), ...database() };

/** The route of `reconnect`. */
export const handler = composeReconnect({
  ...outside,
  kms: kmsClient(),
  managementApi: managementApiClient(),
  cache: sharedCache(outside),
});
