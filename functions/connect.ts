import { managementApiClient } from '#shared/aws/clients.ts';
import { composeConnect } from '#shared/composition.ts';
import { database, lambda } from '#shared/runtime/lambda.ts';

/** `$connect` */
export const handler = composeConnect({
  ...lambda(),
  ...database(),
  managementApi: managementApiClient(),
});
