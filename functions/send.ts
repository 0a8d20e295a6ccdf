import { kmsClient, managementApiClient, sqsClient } from '#shared/aws/clients.ts';
import { composeSend } from '#shared/composition.ts';
import { database, lambda, sharedCache } from '#shared/runtime/lambda.ts';

const outside = { ...lambda(), ...database() };
const send = composeSend({
  ...outside,
  kms: kmsClient(),
  sqs: sqsClient(),
  managementApi: managementApiClient(),
  cache: sharedCache(outside),
});
await send.warm();

/** The route of `send`. */
export const { handler } = send;
