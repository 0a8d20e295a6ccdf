import { managementApiClient } from '#shared/aws/clients.ts';
import { composeFallback } from '#shared/composition.ts';
import { database, lambda } from '#shared/runtime/lambda.ts';

/** `$default` */
export const handler = composeFallback({
  ...lambda(),
  ...database(),
  managementApi: managementApiClient(),
});
