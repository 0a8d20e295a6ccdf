import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { setting } from '#shared/runtime/settings.ts';

/**
 * Time limits in milliseconds. `requestTimeout` ends with the answer's headers, and `socketTimeout` holds for what is
 * silent after them. Without `throwOnRequestTimeout` the SDK's handler only warns of a late answer. Node keeps
 * connections alive by default, and each environment has one client per service.
 */
function requestHandler(requestTimeout: number) {
  return {
    connectionTimeout: 1_000,
    requestTimeout,
    socketTimeout: requestTimeout,
    throwOnRequestTimeout: true,
  };
}

export function dynamodbClient(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(
    new DynamoDBClient({ requestHandler: requestHandler(2_000), maxAttempts: 3 }),
  );
}

/** The same connections, one attempt a call: for what repeats itself and has a deadline. */
export function withoutRetries({ config }: DynamoDBDocumentClient): DynamoDBDocumentClient {
  const { requestHandler } = config;
  return DynamoDBDocumentClient.from(new DynamoDBClient({ requestHandler, maxAttempts: 1 }));
}

export function kmsClient(): KMSClient {
  return new KMSClient({ requestHandler: requestHandler(2_000), maxAttempts: 3 });
}

export function sqsClient(): SQSClient {
  return new SQSClient({ requestHandler: requestHandler(1_000), maxAttempts: 2 });
}

export function eventBridgeClient(): EventBridgeClient {
  return new EventBridgeClient({ requestHandler: requestHandler(2_000), maxAttempts: 3 });
}

/** One attempt: the SDK would repeat a frame after a time-out, although it may have arrived. */
export function managementApiClient(): ApiGatewayManagementApiClient {
  return new ApiGatewayManagementApiClient({
    endpoint: setting('MANAGEMENT_ENDPOINT'),
    requestHandler: requestHandler(1_200),
    maxAttempts: 1,
  });
}
