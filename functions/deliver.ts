import { eventBridgeClient, kmsClient, managementApiClient, sqsClient } from '#shared/aws/clients.ts';
import { composeDeliver } from '#shared/composition.ts';
import { database, lambda } from '#shared/runtime/lambda.ts';

/** The delivery queue's references, each some seconds after its message. */
export const handler = composeDeliver({
  ...lambda(),
  ...database(),
  kms: kmsClient(),
  sqs: sqsClient(),
  managementApi: managementApiClient(),
  events: eventBridgeClient(),
});
